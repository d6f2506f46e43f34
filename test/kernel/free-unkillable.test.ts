// An owner in uninterruptible sleep: no signal reaches it, SIGKILL neither. It is said, in a time that is bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import type { Actor } from "./actor.ts";
import { FUSE } from "./needs.ts";
import { hasEnded, stateOf } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

interface Sleeper {
  readonly server: Actor;
  /** What it waits for fails. */
  readonly wake: () => Promise<void>;
}

/** A listener whose process waits for a file system that does not answer. Until the first signal its sleep is one that a signal can end. */
async function sleepingServer(s: Story, port: number): Promise<Sleeper> {
  const fileSystem = s.program("silent-file-system", [], { under: ["unshare", "--mount"] });
  const path = await fileSystem.line();
  const server = s.actor();
  // Before the server, whose end would be waited for as long as it sleeps.
  s.atEnd(() => fileSystem.kill());
  await server.listen(`127.0.0.1:${port}`, { reuseAddr: true });
  server.say(JSON.stringify({ id: 0, call: "stat", path }));
  assert.equal(await fileSystem.line(), "read");
  return { server, wake: () => fileSystem.kill() };
}

test(
  "an owner in state D: --force says that it sleeps where no signal reaches it, and ends",
  story(async (s) => {
    const { server, wake } = await sleepingServer(s, 48_551);
    const started = Date.now();
    const { status, json } = await s.command<FreeResult>([
      "free",
      "48551",
      "--yes",
      "--force",
      "--grace",
      "300ms",
      "--json",
    ]);
    assert.ok(Date.now() - started < 10_000);
    assert.deepEqual([status, json.bindable], [1, false]);
    const killed = json.done.find((one) => one.kind === "signal" && one.signal === "SIGKILL");
    assert.equal(killed?.result, "failed");
    assert.match(killed.why ?? "", /state D/);
    assert.equal(stateOf(server.pid), "D");
    assert.equal((await s.sockets("state listening sport = :48551")).length, 1);
    // The signal waits for it: it ends as soon as it wakes.
    await wake();
    await hasEnded(server.pid);
    assert.equal((await s.command(["free", "48551"])).status, 0);
  }, FUSE),
);

test(
  "an owner in state D that was only asked: --force is not promised to help",
  story(async (s) => {
    const { server } = await sleepingServer(s, 48_552);
    const { status, text } = await s.command(["free", "48552", "--yes", "--grace", "300ms"]);
    assert.equal(status, 1);
    assert.match(text.replace(/\s+/g, " "), /sleeps in the kernel .*\(state D\)/);
    assert.doesNotMatch(text, /--force/);
    assert.equal(stateOf(server.pid), "D");
  }, FUSE),
);
