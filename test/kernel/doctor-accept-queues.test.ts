// What `doctor` says of listeners: full queues, small backlogs, programs that are stopped or do not accept.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { meanwhile } from "./meanwhile.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { typed } from "./typed.ts";
import { until } from "./until.ts";

const TO = "127.0.0.1:8080";

/** A server that does not accept, and clients that do not wait. */
async function scene(s: Story, backlog: number) {
  const server = s.actor();
  const listener = await server.listen(TO, { backlog });
  const client = s.actor();
  const knock = async (times: number): Promise<void> => {
    for (let count = 0; count < times; count++) await client.connect(TO, { nonBlocking: true });
  };
  /** Until so many wait to be accepted. */
  const waiting = (count: number): Promise<unknown> =>
    until(`${count} wait to be accepted`, async () => {
      const [found] = await s.sockets("state listening");
      return found?.queues !== undefined && "accepting" in found.queues && found.queues.accepting === count;
    });
  return { server, listener, knock, waiting };
}

const overflows = (s: Story): number => {
  const [names, numbers] = s
    .system("cat", "/proc/net/netstat")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  return Number(numbers?.[names?.indexOf("ListenOverflows") ?? -1]);
};

test(
  "accept-queue-full: one more than the backlog is full, as it is for the kernel, and after a second it is critical",
  story(async (s) => {
    const { server, knock, waiting } = await scene(s, 1);
    const only = ["accept-queue-full"];
    await knock(1);
    await waiting(1);
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "as many as the backlog");
    assert.equal(overflows(s), 0);

    await knock(1);
    await waiting(2);
    assert.equal((await s.doctor({ only })).json.findings.length, 1);
    assert.equal(overflows(s), 0, "full, and nobody has been turned away yet");
    await knock(1);
    await until("the kernel turns one away", () => overflows(s) > 0);

    await until("it is full for a second", async () => {
      const [found] = (await s.doctor({ only })).json.findings;
      return found?.level === "critical";
    });
    const { status, json } = await s.doctor({ only, fixture: "accept-queue-full" });
    assert.equal(status, 1);
    const { listener, pid, accepting, backlog, dropped, oldestWaitingMs } = json.findings[0]?.evidence ?? {};
    assert.deepEqual(
      { listener, pid, accepting, backlog },
      { listener: TO, pid: server.pid, accepting: 2, backlog: 1 },
    );
    assert.ok(Number(oldestWaitingMs) >= 1000);
    assert.ok(Number(dropped) >= 1, "the listener's own counter");
  }),
);

test(
  "accept-queue-overflow: a warning while it grows, a hint afterwards, with the listener that dropped them",
  story(async (s) => {
    const only = ["accept-queue-overflow"];
    const { server, listener, knock, waiting } = await scene(s, 1);
    await knock(2);
    await waiting(2);
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "full, and nobody has been turned away yet");

    const asked = s.doctor({ only, watchSeconds: 1, fixture: "accept-queue-overflow" });
    const { status, json } = await meanwhile(asked, async () => {
      await knock(1);
      // Slowly: each leaves a client behind that tries again.
      await sleep(100);
    });
    assert.equal(status, 1);
    const [growing] = json.findings;
    assert.equal(growing?.level, "warning");
    assert.ok(Number(growing.evidence["overflows"]) > 0);
    assert.match(growing.text, new RegExp(`it was port 8080 of node \\(pid ${server.pid}\\)`));

    await server.close(listener);
    const [past] = (await s.doctor({ only })).json.findings;
    assert.equal(past?.level, "info");
    assert.equal(past.evidence["overflowsSoFar"], overflows(s));
  }),
);

test(
  "backlog-capped: the backlog is what somaxconn allows, and somaxconn is lower than the kernel's default",
  story(async (s) => {
    const only = ["backlog-capped"];
    s.system("sysctl", "-qw", "net.core.somaxconn=128");
    const server = s.actor();
    await server.listen("127.0.0.1:8081", { backlog: 127 });
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    const capped = await server.listen(TO, { backlog: 511 });
    const [found] = (await s.doctor({ only, fixture: "backlog-capped" })).json.findings;
    assert.equal(found?.level, "info");
    assert.equal(found.title, `node (pid ${server.pid}), port 8080: the backlog is 128, all that somaxconn allows`);

    s.system("sh", "-c", found.advice[0]?.command ?? "");
    assert.equal((await s.doctor({ only })).json.findings.length, 0, "it is no cap any more");
    const backlog = async (): Promise<unknown> => (await s.socket("state listening sport = :8080")).queues;
    assert.deepEqual(await backlog(), { accepting: 0, backlog: 128 }, "and yet this listener has what it had");
    await server.call("listen", { fd: capped, backlog: 511 });
    assert.deepEqual(await backlog(), { accepting: 0, backlog: 511 }, "until it calls listen() again");
  }),
);

test(
  "listener-stopped: clients connect to a program that is stopped, and the advice lets it go on",
  story(async (s) => {
    const only = ["listener-stopped"];
    const { server, knock, waiting } = await scene(s, 16);
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    server.signal("SIGSTOP");
    const idle = await until("it is stopped", async () => (await s.doctor({ only })).json.findings[0]);
    assert.equal(idle.level, "warning");
    await knock(2);
    await waiting(2);
    const { status, json } = await s.doctor({ only, fixture: "listener-stopped" });
    assert.equal(status, 1);
    const [found] = json.findings;
    assert.equal(found?.level, "critical");
    const { pid, port, accepting, ownerStates } = found.evidence;
    assert.deepEqual(
      { pid, port, accepting, ownerStates },
      { pid: server.pid, port: 8080, accepting: 2, ownerStates: ["T"] },
    );
    assert.equal(found.advice[0]?.command, `kill -CONT ${server.pid}`);
    await typed(found.advice[0]?.command);
    await until("it goes on", async () => (await s.doctor({ only })).json.findings.length === 0);
    server.signal("SIGSTOP");
    await until("it is stopped again", async () => (await s.doctor({ only })).json.findings.length === 1);
    assert.equal(found.advice[1]?.command, "portmortem free 127.0.0.1:8080");
    const ended = await typed(found.advice[1]?.command);
    assert.equal(ended.status, 0, ended.text);
  }),
);

test(
  "listener-never-accepts: somebody has waited for half a minute; who has accepted is not meant, nor who is stopped",
  story(async (s) => {
    const only = ["listener-never-accepts"];
    const { server, listener, knock, waiting } = await scene(s, 16);
    assert.deepEqual((await s.doctor({ only, silentForMs: 30_000 })).json.findings, [], "nobody waits");
    await knock(1);
    await waiting(1);
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "nobody has waited for long");
    const { json } = await s.doctor({ only, silentForMs: 30_000, fixture: "listener-never-accepts" });
    const [found] = json.findings;
    assert.equal(found?.level, "warning");
    const { pid, port, accepting, oldestWaitingMs } = found.evidence;
    assert.deepEqual({ pid, port, accepting }, { pid: server.pid, port: 8080, accepting: 1 });
    assert.ok(Number(oldestWaitingMs) >= 30_000 && Number(oldestWaitingMs) < 60_000);
    assert.equal(found.advice[1]?.command, "portmortem free 127.0.0.1:8080 --force");

    await server.accept(listener);
    assert.deepEqual((await s.doctor({ only, silentForMs: 30_000 })).json.findings, []);
    await knock(1);
    await waiting(1);
    server.signal("SIGSTOP");
    await until("it is stopped", async () => {
      const { findings } = (await s.doctor({ only: ["listener-stopped"] })).json;
      return findings.length === 1;
    });
    assert.deepEqual((await s.doctor({ only, silentForMs: 30_000 })).json.findings, []);
  }),
);
