// What is wrong with a listener: its queue, its program, its backlog.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, healthyLook, healthySnapshot, listenerFacts } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { ACCEPT_QUEUE_FULL } from "./accept-queue-full.ts";
import { ACCEPT_QUEUE_OVERFLOW } from "./accept-queue-overflow.ts";
import { BACKLOG_CAPPED } from "./backlog-capped.ts";
import { LISTENER_NEVER_ACCEPTS } from "./listener-never-accepts.ts";
import { LISTENER_STOPPED } from "./listener-stopped.ts";

interface Asked {
  readonly accepting?: number;
  readonly backlog?: number;
  readonly oldestWaitingMs?: number;
  readonly ownerStates?: readonly string[];
  readonly dropped?: number;
}

function listener({ accepting = 0, backlog = 128, oldestWaitingMs, ownerStates = ["S"], dropped }: Asked) {
  const none = {
    receiveAllocBytes: 0,
    receiveBufferBytes: 0,
    sendAllocBytes: 0,
    sendBufferBytes: 0,
    forwardAllocBytes: 0,
    sendQueuedBytes: 0,
    optionBytes: 0,
  };
  return listenerFacts(
    { address: "::", port: 8080 },
    {
      socket: {
        queues: { accepting, backlog },
        owners: ownerStates.map((state, at) => ({ ...NODE, pid: NODE.pid + at, state })),
        ...(dropped === undefined ? {} : { memory: { ...none, drops: dropped } }),
      },
      ...(oldestWaitingMs === undefined ? {} : { oldestWaitingMs }),
    },
  );
}

const of = (listeners: readonly ListenerFacts[], rest: Partial<HealthSnapshot> = {}) =>
  healthySnapshot({ listeners, ...rest });

test("accept-queue-full follows the kernel: full is one more than the backlog", () => {
  const judge = (asked: Asked) => ACCEPT_QUEUE_FULL.find(of([listener(asked)]))[0];
  assert.equal(judge({ accepting: 128 }), undefined);
  assert.equal(judge({ accepting: 129 })?.level, "warning");
  assert.equal(judge({ accepting: 129, oldestWaitingMs: 999 })?.level, "warning");
  const found = judge({ accepting: 129, oldestWaitingMs: 1000, dropped: 7 });
  assert.equal(found?.level, "critical");
  assert.equal(found.title, "node (pid 812): the accept queue of port 8080 is full");
  assert.deepEqual(found.evidence, {
    listener: "[::]:8080",
    port: 8080,
    pid: 812,
    command: "node",
    accepting: 129,
    backlog: 128,
    oldestWaitingMs: 1000,
    dropped: 7,
  });
});

test("accept-queue-full raises somaxconn only where it caps, and lets a stopped program go on", () => {
  const commands = (asked: Asked, somaxconn: string) =>
    ACCEPT_QUEUE_FULL.find(of([listener(asked)], { settings: { "net.core.somaxconn": somaxconn } }))[0]?.advice.map(
      ({ command }) => command,
    );
  const look = "ps -L -o tid,state,pcpu,wchan:24,comm -p 812";
  assert.deepEqual(commands({ accepting: 129 }, "4096"), [look, undefined]);
  const [unknown] = ACCEPT_QUEUE_FULL.find(of([listener({ accepting: 129 })], { settings: {} }));
  assert.equal(unknown?.advice[1]?.text, "for bursts: a larger backlog in listen() (it has 128)");
  assert.deepEqual(commands({ accepting: 129 }, "128"), [look, "sysctl -w net.core.somaxconn=4096"]);
  assert.deepEqual(commands({ accepting: 129, ownerStates: ["T", "T"] }, "4096"), ["kill -CONT 812 813"]);
});

test("listener-stopped asks that nobody of its holders runs", () => {
  const judge = (asked: Asked) => LISTENER_STOPPED.find(of([listener(asked)]))[0];
  assert.equal(judge({ ownerStates: ["S"] }), undefined);
  assert.equal(judge({ ownerStates: ["T", "S"] }), undefined);
  assert.equal(judge({ ownerStates: [] }), undefined);
  assert.equal(judge({ ownerStates: ["T"] })?.level, "warning");
  const found = judge({ ownerStates: ["T", "T"], accepting: 2, oldestWaitingMs: 5000 });
  assert.equal(found?.level, "critical");
  assert.equal(found.title, "node (pid 812) is stopped and listens on port 8080");
  assert.match(found.text, / Waiting now: 2, the oldest for 5 s\.$/);
  assert.deepEqual(
    found.advice.map(({ command }) => command),
    ["kill -CONT 812 813", "portmortem free 8080"],
  );
});

test("listener-stopped knows a debugger", () => {
  const [found] = LISTENER_STOPPED.find(of([listener({ ownerStates: ["t"] })]));
  assert.equal(found?.title, "node (pid 812) is held by a debugger and listens on port 8080");
  assert.equal(found.advice[0]?.command, undefined);
});

test("listener-never-accepts gives a busy program half a minute, and is not about stopped ones", () => {
  const judge = (asked: Asked) => LISTENER_NEVER_ACCEPTS.find(of([listener({ accepting: 1, ...asked })]))[0];
  assert.equal(judge({ oldestWaitingMs: 29_999 }), undefined);
  assert.equal(judge({}), undefined);
  assert.equal(judge({ accepting: 0, oldestWaitingMs: 30_000 }), undefined);
  assert.equal(judge({ oldestWaitingMs: 30_000, ownerStates: ["T"] }), undefined);
  const found = judge({ oldestWaitingMs: 30_000 });
  assert.equal(found?.level, "warning");
  assert.equal(found.title, "node (pid 812) does not accept on port 8080");
  assert.equal(judge({ oldestWaitingMs: 30_000, accepting: 129 })?.level, "critical");
});

const AT = Date.UTC(2025, 0, 1, 12);

function overflow(now: number, before?: number, listeners: readonly ListenerFacts[] = []) {
  const look = (atMs: number, count: number) =>
    healthyLook({
      atMs,
      counters: { "TcpExt.ListenOverflows": count, "TcpExt.ListenDrops": count + 1, "Tcp.PassiveOpens": 9900 },
    });
  return ACCEPT_QUEUE_OVERFLOW.find(
    of(listeners, { now: look(AT, now), ...(before === undefined ? {} : { before: look(AT - 5000, before) }) }),
  )[0];
}

test("accept-queue-overflow warns of what grows, and names the listener by its own counter", () => {
  const found = overflow(100, 60, [listener({ dropped: 98 }), listener({})]);
  assert.equal(found?.level, "warning");
  assert.equal(found.title, "40 connection attempts met a full accept queue in 5 s");
  assert.match(found.text, /So far it is 1 % of all attempts\. By their own counters it was port 8080 of node/);
  assert.deepEqual(found.evidence, {
    overflowsSoFar: 100,
    dropsSoFar: 101,
    acceptedSoFar: 9900,
    overflows: 40,
    watchedMs: 5000,
    listeners: [{ listener: "[::]:8080", dropped: 98, pid: 812, command: "node" }],
  });
});

test("accept-queue-overflow has one word about the past, if it was more than one in a thousand", () => {
  assert.equal(overflow(100, 100)?.level, "info");
  assert.equal(overflow(10)?.level, "info");
  assert.equal(overflow(9), undefined);
  assert.equal(overflow(0, 0), undefined);
});

test("accept-queue-overflow does not take other drops of listeners for it", () => {
  const now = healthyLook({ counters: { "TcpExt.ListenOverflows": 0, "TcpExt.ListenDrops": 5000 } });
  assert.deepEqual(ACCEPT_QUEUE_OVERFLOW.find(of([], { now })), []);
});

test("backlog-capped speaks only where somaxconn is lower than the kernel's default", () => {
  const judge = (backlog: number, somaxconn: string) =>
    BACKLOG_CAPPED.find(of([listener({ backlog })], { settings: { "net.core.somaxconn": somaxconn } }))[0];
  assert.equal(judge(4096, "4096"), undefined);
  assert.equal(judge(100, "128"), undefined);
  const found = judge(128, "128");
  assert.equal(found?.level, "info");
  assert.equal(found.title, "node (pid 812), port 8080: the backlog is 128, all that somaxconn allows");
  assert.match(found.text, /^That much or more was asked for; which, the kernel does not keep\./);
  assert.equal(found.advice[0]?.command, "sysctl -w net.core.somaxconn=4096");
});
