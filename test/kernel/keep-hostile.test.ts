// Programs that make calls as nobody should: each gets the answer that the kernel gives to one that is not kept, and the keeper goes on.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { KeptProgram } from "./kept-program.ts";
import type { Need } from "./needs.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** bind-again answers each of these in a line. */
const CALLS = [
  "49200 close",
  "49200 bad-pointer",
  "49200 bad-length",
  "49200 bad-descriptor",
  "49200 no-socket",
  "49200 twice",
  "49200 thread",
  "49200 signal",
  "49200 fork",
  "49200 vfork",
  "49200 changing",
  "49200",
  "49200",
  "49200 fork",
  "49200 thread",
  "49300 many",
  "0 close",
];

test(
  "bad pointers, threads that change the address, signal handlers, vfork children, ten thousand binds: the kernel's own answers",
  story(async (s) => {
    const plain = spawnSync(cProgram("bind-again"), {
      input: CALLS.map((call) => `${call}\n`).join(""),
      encoding: "utf8",
    });
    const expected = plain.stdout.trimEnd().split("\n").slice(1);
    assert.equal(expected.length, CALLS.length);
    assert.ok(expected.includes("EFAULT") && expected.includes("EADDRINUSE"));
    const kept = new KeptProgram({}, cProgram("bind-again"));
    s.atEnd(() => kept.end());
    await kept.printed(1);
    for (const [index, call] of CALLS.entries()) {
      kept.say(call);
      assert.equal(await kept.printed(index + 2), expected[index], call);
    }
    assert.equal((await kept.report()).kept, 1);
  }, STATIC_C),
);

test(
  "a program that is killed again and again in the middle of its binds leaves the keeper as it was",
  story(async (s) => {
    const kept = new KeptProgram({}, cProgram("bind-again"));
    s.atEnd(() => kept.end());
    let before = await kept.report();
    for (let life = 1; life <= 12; life++) {
      await kept.printed(life);
      if (life === 2) before = await kept.report();
      kept.say("49300 many");
      await until("binds come", () => kept.all("bound").length > life * 20);
      await kept.crash();
    }
    await until("no descriptor is left", async () => (await kept.report()).descriptors <= before.descriptors);
    assert.equal((await kept.report()).zombies, 0);
  }, STATIC_C),
);

const ROOT_AND_SETUID: Need = () => {
  if (process.getuid?.() !== 0) return "probed: getuid(); not root";
  const mounts = spawnSync("findmnt", ["-no", "OPTIONS", "-T", tmpdir()], { encoding: "utf8" });
  return /nosuid/.test(mounts.stdout ?? "") ? `probed: ${tmpdir()} is mounted nosuid` : undefined;
};

test(
  "root's program keeps its rights to become another user by a set-user-ID program, whose binds are heard too",
  story(
    async (s) => {
      const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
      s.atEnd(() => rmSync(folder, { recursive: true }));
      chmodSync(folder, 0o755);
      const setuid = join(folder, "print-state");
      copyFileSync(cProgram("print-state"), setuid);
      chownSync(setuid, 65_534, 65_534);
      chmodSync(setuid, 0o4755);
      const kept = new KeptProgram({ restarts: { restart: "never" } }, setuid);
      s.atEnd(() => kept.end());
      await kept.told("done");
      assert.ok(
        kept.output.some((line) => line.startsWith("Uid:\t0\t65534")),
        kept.output.join("\n"),
      );
      assert.ok(kept.output.includes("NoNewPrivs:\t0"));
      const binds = join(folder, "bind-again");
      copyFileSync(cProgram("bind-again"), binds);
      chownSync(binds, 65_534, 65_534);
      chmodSync(binds, 0o4755);
      const other = new KeptProgram({ ports: [49_200, 80] }, binds);
      s.atEnd(() => other.end());
      for (const life of [1, 2]) {
        await other.told("started", life);
        other.say("49200");
        assert.equal(await other.printed(life * 3 - 1), "ok");
        if (life > 1) await other.told("returned");
        other.say("80");
        assert.equal(await other.printed(life * 3), "EACCES", "with the other user's rights");
        if (life === 1) await other.crash();
      }
    },
    STATIC_C,
    ROOT_AND_SETUID,
  ),
);
