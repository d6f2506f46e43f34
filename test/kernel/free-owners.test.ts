// `free` and owners that do not simply end when they are asked: each kind is a real process.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import { C_COMPILER, SCRIPT } from "./needs.ts";
import { endAtLast, hasEnded, isAlive, startOnTerminal, startServer, stateOf } from "./started-command.ts";
import { story } from "./story.ts";
import type { Answer, Story } from "./story.ts";
import { until } from "./until.ts";

function free(s: Story, args: string): Promise<Answer<FreeResult>> {
  return s.command<FreeResult>(["free", ...args.split(" "), "--yes", "--json"]);
}

function signals({ done }: FreeResult): (readonly [pid: number, signal: string, result: string])[] {
  return done.flatMap((one) => (one.kind === "signal" ? [[one.pid, one.signal, one.result] as const] : []));
}

async function assertFree(s: Story, port: number): Promise<void> {
  const other = s.actor();
  await other.listen(`127.0.0.1:${port}`, { reuseAddr: true });
  await other.kill();
}

test(
  "one that ignores SIGTERM: without --force it lives on, and --force is named; with it, it is killed after the grace",
  story(async (s) => {
    const server = await startServer(s, 48_531, "ignores");
    const gentle = await free(s, "48531 --grace 300ms");
    assert.equal(gentle.status, 1);
    assert.deepEqual(signals(gentle.json), [[server.pid, "SIGTERM", "failed"]]);
    assert.deepEqual(
      gentle.json.refused.map(({ lacks, command }) => [lacks, command]),
      [["option", "portmortem free 48531 --grace 300ms --force"]],
    );
    assert.ok(isAlive(server.pid));
    const started = Date.now();
    const forced = await free(s, "48531 --grace 700ms --force");
    assert.ok(Date.now() - started >= 700, "it had its grace");
    assert.deepEqual([forced.status, forced.json.bindable], [0, true]);
    assert.deepEqual(signals(forced.json), [
      [server.pid, "SIGTERM", "failed"],
      [server.pid, "SIGKILL", "ok"],
    ]);
    assert.ok(!isAlive(server.pid));
    await assertFree(s, 48_531);
  }),
);

test(
  "one that closes its listener and drains: done at once, the process and its connection live on",
  story(async (s) => {
    const server = await startServer(s, 48_532, "drains");
    const client = s.actor();
    const fd = await client.connect("127.0.0.1:48532");
    await client.call("write", { fd, text: "before" });
    assert.equal(await client.call("read", { fd }), "before");
    const { status, json } = await free(s, "48532 --force --grace 60");
    assert.deepEqual([status, json.bindable], [0, true]);
    assert.deepEqual(signals(json), [
      [server.pid, "SIGTERM", "ok"],
      [server.pid, "SIGKILL", "not-needed"],
    ]);
    assert.ok(isAlive(server.pid));
    await assertFree(s, 48_532);
    await client.call("write", { fd, text: "after" });
    assert.equal(await client.call("read", { fd }), "after");
    await client.close(fd);
    await hasEnded(server.pid);
  }),
);

test(
  "one that forks as it dies, and its child has the listener: the child is asked too",
  story(async (s) => {
    const server = s.compiled("forks-as-it-dies", ["48533", "1"]);
    assert.equal(Number(await server.line()), server.pid);
    const { status, json } = await free(s, "48533");
    const heir = Number(await server.line());
    endAtLast(s, heir);
    assert.deepEqual([status, json.bindable], [0, true]);
    assert.deepEqual(signals(json), [
      [server.pid, "SIGTERM", "ok"],
      [heir, "SIGTERM", "ok"],
    ]);
    await hasEnded(heir);
    await assertFree(s, 48_533);
  }, C_COMPILER),
);

test(
  "the child that has the listener is asked about again on a terminal: about it alone, and what is typed counts",
  story(
    async (s) => {
      const server = s.compiled("forks-as-it-dies", ["48540", "1"]);
      assert.equal(Number(await server.line()), server.pid);
      const command = startOnTerminal(s, "free 48540");
      const questions = (): string[] => command.said().split("do that? [y/N]");
      await until("the first question", () => questions().length > 1);
      command.type("y\n");
      const heir = Number(await server.line());
      endAtLast(s, heir);
      await until("the second question", () => questions().length > 2);
      assert.deepEqual(
        questions()[1]
          ?.match(/pid \d+/g)
          ?.map((found) => Number(found.slice(4))),
        [heir],
      );
      command.type("y\n");
      assert.equal(await command.ended, 0);
      assert.match(command.said(), /port 48540 is free: a bind works/);
      await hasEnded(heir);
    },
    SCRIPT,
    C_COMPILER,
  ),
);

test(
  "one whose every child does so again: it is not followed for ever, and that is said",
  story(async (s) => {
    const server = s.compiled("forks-as-it-dies", ["48534", "1000"]);
    assert.equal(Number(await server.line()), server.pid);
    const { status, json } = await free(s, "48534");
    const asked = signals(json).map(([pid]) => pid);
    const last = await until("the last heir", async () => {
      const pid = Number(await server.line());
      return asked.includes(pid) ? undefined : pid;
    });
    endAtLast(s, last);
    assert.deepEqual([status, json.bindable, asked.length], [1, false, 6]);
    const [refused] = json.refused;
    assert.equal(refused?.pid, last);
    assert.match(refused.text, /again and again/);
    assert.ok(isAlive(last));
    // What it names is what helps.
    s.system("sh", "-c", refused.command ?? "false");
    await hasEnded(last);
    await assertFree(s, 48_534);
  }, C_COMPILER),
);

test(
  "one whose child takes the port with a listener of its own: it came back, and the child is left alone",
  story(async (s) => {
    const server = await startServer(s, 48_535, "reopens");
    const { status, json } = await free(s, "48535 --force");
    const child = Number(await server.line());
    endAtLast(s, child);
    assert.deepEqual([status, json.bindable], [1, false]);
    assert.match(json.cameBack?.text ?? "", new RegExp(`pid ${child}\\)`));
    assert.ok(signals(json).every((step) => !String(step).includes(String(child))));
    assert.ok(isAlive(child));
  }),
);

test(
  "a stopped one that ignores SIGTERM: it is continued, and nothing is done in part by that",
  story(async (s) => {
    const server = await startServer(s, 48_539, "ignores");
    server.signal("SIGSTOP");
    await until("it is stopped", () => stateOf(server.pid) === "T");
    const { status, json } = await free(s, "48539 --grace 300ms");
    assert.deepEqual([status, json.bindable], [1, false]);
    assert.deepEqual(signals(json), [
      [server.pid, "SIGCONT", "ok"],
      [server.pid, "SIGTERM", "failed"],
    ]);
  }),
);

test(
  "a stopped one is continued, hears SIGTERM and ends by itself",
  story(async (s) => {
    const server = await startServer(s, 48_536, "drains");
    server.signal("SIGSTOP");
    await until("it is stopped", () => stateOf(server.pid) === "T");
    const { status, json } = await free(s, "48536");
    assert.deepEqual([status, json.bindable], [0, true]);
    assert.deepEqual(signals(json), [
      [server.pid, "SIGCONT", "ok"],
      [server.pid, "SIGTERM", "ok"],
    ]);
    await hasEnded(server.pid);
  }),
);

/** Started by a shell in the background of a terminal. Answers its pid. */
async function inTheBackground(s: Story, port: number, how: "once" | "stubborn"): Promise<number> {
  const typed = `set -m; ${s.compile("wants-its-terminal")} ${port} ${how} & wait; sleep 60`;
  const shell = s.child("script", ["-qec", typed, "/dev/null"], { SHELL: "/bin/sh" });
  const pid = Number(await shell.line());
  endAtLast(s, pid);
  return pid;
}

test(
  "one that stops once more as it goes on, for it asks its terminal, is continued again",
  story(
    async (s) => {
      const pid = await inTheBackground(s, 48_537, "once");
      process.kill(pid, "SIGSTOP");
      await until("it is stopped", () => stateOf(pid) === "T");
      const { status, json } = await free(s, "48537");
      assert.deepEqual([status, json.bindable], [0, true]);
      assert.deepEqual(signals(json), [
        [pid, "SIGCONT", "ok"],
        [pid, "SIGTERM", "ok"],
      ]);
      await hasEnded(pid);
    },
    SCRIPT,
    C_COMPILER,
  ),
);

test(
  "one that stops each time anew: that is said, and --force ends it",
  story(
    async (s) => {
      const pid = await inTheBackground(s, 48_538, "stubborn");
      const gentle = await free(s, "48538 --grace 700ms");
      assert.equal(gentle.status, 1);
      assert.match(gentle.json.done[0]?.why ?? "", /stops again: it wants its terminal/);
      assert.equal(gentle.json.refused[0]?.command, "portmortem free 48538 --grace 700ms --force");
      assert.equal(stateOf(pid), "T");
      const forced = await free(s, "48538 --grace 300ms --force");
      assert.deepEqual([forced.status, forced.json.bindable], [0, true]);
      await hasEnded(pid);
    },
    SCRIPT,
    C_COMPILER,
  ),
);
