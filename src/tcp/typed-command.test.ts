import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { shellWord, typedCommand } from "./typed-command.ts";

test("typedCommand() quotes what a shell would read in another way, and nothing else", () => {
  assert.equal(typedCommand(["free", "127.0.0.1:5432", "--udp"]), "portmortem free 127.0.0.1:5432 --udp");
  assert.equal(typedCommand(["free", "[::1]:80"], { asRoot: true }), "sudo portmortem free '[::1]:80'");
  assert.equal(
    typedCommand(["drop", "state time-wait dport = :5432"], { netns: "web", asRoot: true }),
    "sudo portmortem drop 'state time-wait dport = :5432' --netns web",
  );
  assert.equal(
    typedCommand(["drop", "user = o'neill"], { netns: "a b" }),
    "portmortem drop 'user = o'\\''neill' --netns 'a b'",
  );
});

test("shellWord() is the same word again for a shell", () => {
  const words = fc
    .sample(
      fc.array(
        fc.string({ unit: "binary" }).map((word) => word.replaceAll("\0", "")),
        { minLength: 5 },
      ),
      20,
    )
    .flat();
  const { stdout, status } = spawnSync("sh", ["-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`]);
  assert.equal(status, 0);
  assert.deepEqual(
    stdout.toString("utf8").split("\0").slice(0, -1),
    words.map((word) => Buffer.from(word).toString()),
  );
});
