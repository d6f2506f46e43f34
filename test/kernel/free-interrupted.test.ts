// `portmortem free` and Ctrl-C at any moment, and a terminal that goes away: what was done is said, and nothing is done any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import type { Program } from "./actor.ts";
import { SCRIPT } from "./needs.ts";
import {
  catchesHangup,
  hasEnded,
  isAlive,
  startCommand,
  startOnTerminal,
  startServer,
  stateOf,
} from "./started-command.ts";
import type { Started } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** Nobody has asked it to end. */
async function wasNotAsked(server: Program): Promise<void> {
  assert.ok(isAlive(server.pid));
  server.signal("SIGUSR2");
  assert.equal(await server.line(), "asked 0 times");
}

/** Stops the command as soon as it hears signals: it is about to look around. */
async function stopWhileItLooks(command: Started): Promise<void> {
  for (const end = Date.now() + 8000; !catchesHangup(command.pid) && Date.now() < end;);
  command.signal("SIGSTOP");
  await until("it is stopped", () => stateOf(command.pid) === "T");
}

test(
  "Ctrl-C while it looks: nothing was done",
  story(async (s) => {
    const server = await startServer(s, 48_501, "ignores");
    const command = startCommand(s, ["free", "48501", "--yes", "--force"]);
    await stopWhileItLooks(command);
    command.signal("SIGINT");
    command.signal("SIGCONT");
    assert.equal(await command.ended, 130);
    assert.match(command.warned(), /^interrupted: nothing was done$/m);
    assert.equal(command.said(), "");
    await wasNotAsked(server);
  }),
);

test(
  "Ctrl-C at moments all over its life: it says that it asked if and only if it did",
  story(async (s) => {
    const server = await startServer(s, 48_502, "ignores");
    let before = 0;
    // On a busy machine it takes longer to get that far.
    for (let ms = 60; ms <= 300 || (before === 0 && ms < 6000); ms += ms < 300 ? 24 : 200) {
      const command = startCommand(s, ["free", "48502", "--yes", "--force", "--grace", "60"]);
      await sleep(ms);
      command.signal("SIGINT");
      const status = await command.ended;
      server.signal("SIGUSR2");
      let line = await server.line();
      while (line === "asked") line = await server.line();
      const asked = Number(/\d+/.exec(line)?.[0]);
      const told = /SIGTERM {2}node [^]*;\s+interrupted: it was\s+sent/.test(command.said());
      assert.equal(
        told,
        asked > before,
        `after ${ms} ms: ${asked - before} times, ${command.said()}${command.warned()}`,
      );
      // Before it hears signals it ends as any program does.
      assert.ok(status === 130 || (status === undefined && !told), `after ${ms} ms: ${status}`);
      before = asked;
    }
    assert.ok(before > 0, "none of them was late enough");
    assert.ok(isAlive(server.pid));
  }),
);

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGHUP", 129],
  ["SIGTERM", 143],
] as const)
  test(
    `${signal} during the grace: nobody is killed, and the next port is not touched`,
    story(async (s) => {
      const server = await startServer(s, 48_503, "ignores");
      const other = await startServer(s, 48_504, "ignores");
      const args = ["free", "48503", "48504", "--yes", "--force", "--grace", "60", "--json"];
      const command = startCommand(s, args);
      assert.equal(await server.line(), "asked");
      command.signal(signal);
      assert.equal(await command.ended, status);
      const result = JSON.parse(command.said()) as FreeResult;
      assert.deepEqual(
        result.done.map((done) => [done.kind === "signal" && done.signal, done.result]).filter(([name]) => name),
        [
          ["SIGTERM", "interrupted"],
          ["SIGKILL", "interrupted"],
          ["SIGTERM", "interrupted"],
          ["SIGKILL", "interrupted"],
        ],
      );
      assert.equal(result.interrupted, true);
      assert.deepEqual(
        result.endpoints.map(({ bindable }) => bindable),
        [false, false],
      );
      assert.ok(isAlive(server.pid));
      await wasNotAsked(other);
    }),
  );

test(
  "Ctrl-C while a TIME-WAIT is waited for: the listener that would have been next is not touched",
  story(async (s) => {
    await leaveTimeWait(s, 48_505);
    const server = s.actor();
    await server.listen("127.0.0.1:48505", { reuseAddr: true });
    const command = startOnTerminal(s, "free 48505 --no-reuse-addr --wait 2m --yes");
    await until("it waits", () => command.said().includes("waiting for"));
    command.type("\u0003");
    assert.equal(await command.ended, 130);
    assert.match(command.said(), / {2}wait {5}a connection[^]*TIME-WAIT: wait [^:]*;\s+interrupted:\s+after/m);
    assert.match(command.said(), /^ {2}SIGTERM .*: asked to\s+end;\s+not begun\r$/m);
    assert.match(command.said(), /^interrupted: port 48505 is still taken\r$/m);
    assert.equal((await s.sockets("sport = :48505")).length, 2);
    assert.ok(isAlive(server.pid));
  }, SCRIPT),
);

async function leaveTimeWait(s: Story, port: number): Promise<void> {
  const server = s.actor();
  const client = s.actor();
  const listener = await server.listen(`127.0.0.1:${port}`, { reuseAddr: true });
  const fd = await client.connect(`127.0.0.1:${port}`);
  await server.close(await server.accept(listener));
  await server.close(listener);
  await client.close(fd);
  await s.socket(`state time-wait sport = :${port}`);
}

for (const [typed, port, status, left] of [
  ["y\n", 48_511, 0, false],
  ["n\n", 48_512, 1, true],
  ["\n", 48_513, 1, true],
  ["\u0003", 48_514, 130, true],
  ["\u0004", 48_515, 1, true],
] as const)
  test(
    `on a terminal the plan is shown and asked about: ${JSON.stringify(typed)}`,
    story(async (s) => {
      const server = await startServer(s, port, left ? "ignores" : "drains");
      const command = startOnTerminal(s, `free ${port}`);
      await until("the question", () => command.said().includes("[y/N]"));
      assert.match(command.said(), /SIGTERM {2}node \S+ \(pid \d+\) listens on/);
      command.type(typed);
      assert.equal(await command.ended, status);
      if (left) {
        assert.match(command.said(), /nothing was done/);
        await wasNotAsked(server);
      } else {
        assert.match(command.said(), new RegExp(`port ${port} is free`));
        await hasEnded(server.pid);
      }
    }, SCRIPT),
  );

test(
  "a terminal that goes away at the question: nothing is done, and nothing stays behind",
  story(async (s) => {
    const server = await startServer(s, 48_521, "ignores");
    const command = startOnTerminal(s, "free 48521");
    await until("the question", () => command.said().includes("[y/N]"));
    const pid = command.commandPid();
    command.hangUp();
    await hasEnded(pid);
    await wasNotAsked(server);
  }, SCRIPT),
);

test(
  "a terminal that goes away during the grace: nobody is killed, and nothing stays behind",
  story(async (s) => {
    const server = await startServer(s, 48_522, "ignores");
    const command = startOnTerminal(s, "free 48522 --yes --force --grace 2s");
    assert.equal(await server.line(), "asked");
    const pid = command.commandPid();
    await until("it writes how long it waits", () => command.said().includes("waiting for"));
    command.hangUp();
    await hasEnded(pid);
    assert.ok(isAlive(server.pid));
    server.signal("SIGUSR2");
    assert.equal(await server.line(), "asked 1 times");
  }, SCRIPT),
);
