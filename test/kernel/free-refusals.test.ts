// Whom `free` never ends, whatever it is told: itself, who started it, pid 1.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once as nextEvent } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { free } from "../../src/act/free.ts";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import { once } from "./needs.ts";
import { isAlive, startServer } from "./started-command.ts";
import { CLI, story } from "./story.ts";
import type { Story } from "./story.ts";

const PID_NAMESPACES = once(() => {
  const { status, stderr, error } = spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : `probed: unshare --pid; ${error?.message ?? stderr.trim()}`;
});

/** This very process listens. */
async function listenHere(s: Story, port: number): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  await nextEvent(server, "listening");
  s.atEnd(() => server.close());
}

test(
  "itself: a program that holds the port frees it by no signal",
  story(async (s) => {
    await listenHere(s, 48_581);
    const result = await free("127.0.0.1:48581", { yes: true, force: true });
    assert.deepEqual([result.bindable, result.plan, result.done], [false, [], []]);
    assert.deepEqual(
      result.refused.map(({ pid, text }) => [pid, text]),
      [[process.pid, "this very program holds it"]],
    );
  }),
);

for (const tree of [[], ["--tree"]])
  test(
    `who started it: refused, and how to do it all the same is said ${tree.join("")}`,
    story(async (s) => {
      await listenHere(s, 48_582);
      const args = ["free", "48582", "--yes", "--force", "--json", ...tree];
      const { status, json } = await s.command<FreeResult>(args, { under: ["sh", "-c", '"$@"; exit $?', "sh"] });
      assert.deepEqual([status, json.bindable, json.done], [1, false, []]);
      const [refused] = json.refused;
      assert.equal(refused?.pid, process.pid);
      assert.match(refused.text, /started by it/);
      assert.equal(refused.command, `kill ${process.pid}`);
    }),
  );

test(
  "pid 1: refused",
  story(async (s) => {
    const under = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const namespace = await startServer(s, 48_583, "ignores", { under });
    const init = s.system("pgrep", "-P", String(namespace.pid)).trim();
    const inside = ["nsenter", `--target=${init}`, "--pid", "--mount"];
    const args = ["free", "48583", "--yes", "--force", "--grace", "0"];
    const { status, json } = await s.command<FreeResult>([...args, "--json"], { under: inside });
    assert.deepEqual([status, json.bindable, json.done], [1, false, []]);
    assert.deepEqual(
      json.refused.map(({ pid, text }) => [pid, /^pid 1 \(node\) .* never ended/.test(text)]),
      [[1, true]],
    );
    const human = await s.command(args, { under: inside });
    assert.match(human.text, /refused {2}pid 1/);
    assert.match(human.text, /port 48583 is still taken/);
    assert.ok(isAlive(Number(init)));
    // From outside it is a process like any other.
    assert.equal((await s.command(args)).status, 0);
  }, PID_NAMESPACES),
);

test(
  "with one holder that is refused nobody is asked to end: the port would not be free",
  story(async (s) => {
    const server = s.actor();
    await server.listen("127.0.0.2:48584");
    await listenHere(s, 48_584);
    const { status, json } = await s.command<FreeResult>(["free", "48584", "--yes", "--force", "--json"]);
    assert.deepEqual([status, json.done], [1, []]);
    assert.equal(json.refused.length, 1);
    assert.ok(isAlive(server.pid));
    assert.equal(spawnSync(process.execPath, [CLI, "free", "127.0.0.2:48584", "--yes"]).status, 0);
    assert.ok(!isAlive(server.pid));
  }),
);
