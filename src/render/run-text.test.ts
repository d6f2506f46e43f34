import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeepNews } from "../keep/keep-news.ts";
import { RunText } from "./run-text.ts";

const PLACE = {
  protocol: "tcp",
  family: "ipv4",
  address: "0.0.0.0",
  port: 49_200,
  scopeIndex: 0,
  v6only: undefined,
  multipath: false,
  reusePort: false,
  deviceIndex: 0,
  netns: undefined,
} as const;
const started = (pid: number, life: number, more: Partial<KeepNews & { readonly kind: "started" }> = {}): KeepNews => ({
  kind: "started",
  pid,
  life,
  noNewPrivs: false,
  bits: 64,
  ...more,
});

/** All that is said of these, each with the moment at which it comes. */
function said(news: readonly (readonly [number, KeepNews])[], isVerbose = false): string[] {
  const text = new RunText("server", isVerbose);
  return news.flatMap(([atMs, one]) => text.line(one, atMs)?.split("\n") ?? []);
}

test("nothing is said of a program that starts and goes on", () => {
  const news: [number, KeepNews][] = [
    [0, { kind: "mode", mode: "adopt", instead: [] }],
    [0, started(10, 1)],
    [1, { kind: "bound", place: PLACE, pid: 10 }],
    [1, { kind: "kept", place: PLACE, pid: 10 }],
    [2, { kind: "listening", place: PLACE, pid: 10, life: 1 }],
    [3, { kind: "ready", pid: 11, life: 2 }],
  ];
  assert.deepEqual(said(news), []);
  assert.deepEqual(said(news, true), ["mode adopt", "server is started, as pid 10", "0.0.0.0:49200 is kept"]);
});

test("a crash, who waited, and for how long", () => {
  assert.deepEqual(
    said([
      [0, started(10, 1)],
      [1, { kind: "kept", place: PLACE, pid: 10 }],
      [60_000, { kind: "ended", pid: 10, life: 1, end: { signal: "SIGSEGV" }, asked: false }],
      [60_000, { kind: "restarting", delayMs: 200 }],
      [60_500, { kind: "waiting", connections: 2, downMs: 500 }],
      [61_000, { kind: "waiting", connections: 2, downMs: 1000 }],
      [61_500, { kind: "waiting", connections: 3, downMs: 1500 }],
      [62_000, { kind: "waiting", connections: 1, downMs: 2000 }],
      [62_100, started(11, 2)],
      [62_200, { kind: "returned", place: PLACE, pid: 11, connections: 1 }],
      [62_300, { kind: "listening", place: PLACE, pid: 11, life: 2 }],
    ]),
    [
      "server (pid 10) was ended by SIGSEGV after 60 s",
      "server is started again in 200 ms",
      "down for 1 s, 2 connections wait in the queue",
      "down for 2 s, 1 connection waits in the queue",
      "server is started, as pid 11",
      "0.0.0.0:49200 is server's again (pid 11) after 2 s; 1 connection waited",
    ],
  );
});

test("a program that went into the background has lived since it was started", () => {
  assert.deepEqual(
    said([
      [0, started(10, 1)],
      [1, { kind: "kept", place: PLACE, pid: 11 }],
      [2, { kind: "daemonized", pid: 11, life: 1 }],
      [5000, { kind: "ended", pid: 11, life: 1, end: { signal: "SIGKILL" }, asked: false }],
      [6000, started(12, 2)],
      [7000, { kind: "returned", place: PLACE, pid: 13, connections: 1 }],
    ]),
    [
      "server went into the background, as pid 11",
      "server (pid 11) was ended by SIGKILL after 5 s",
      "server is started, as pid 12",
      "0.0.0.0:49200 is server's again (pid 13) after 2 s; 1 connection waited",
    ],
  );
});

test("nobody waits for a program that never listened", () => {
  assert.deepEqual(
    said([
      [0, { kind: "mode", mode: "adopt", instead: [] }],
      [0, started(10, 1)],
      [5, { kind: "ended", pid: 10, life: 1, end: { status: 3 }, asked: false }],
      [5, { kind: "restarting", delayMs: 6000 }],
      [3005, { kind: "waiting", connections: undefined, downMs: 3000 }],
    ]),
    ["server (pid 10) ended with status 3 after 5 ms", "server is started again in 6 s"],
  );
});

test("why it is not kept in a better way, and what was cleared", () => {
  assert.deepEqual(
    said([
      [0, { kind: "cleared", port: 80, text: "3 connections\u001b[2J in TIME-WAIT: cleared" }],
      [
        0,
        {
          kind: "mode",
          mode: "plain",
          instead: [
            { mode: "adopt", why: "seccomp(2): EPERM" },
            { mode: "activate", why: "no port was named" },
          ],
        },
      ],
      [0, started(10, 1, { bits: 32 })],
    ]),
    [
      "port 80: 3 connections\\e[2J in TIME-WAIT: cleared",
      "mode plain",
      "  not adopt: seccomp(2): EPERM",
      "  not activate: no port was named",
      "server is a 32-bit program: it runs, and is not kept",
    ],
  );
});

test("no_new_privs is said once, and only with -v", () => {
  const news: [number, KeepNews][] = [
    [0, started(10, 1, { noNewPrivs: true })],
    [1, started(11, 2, { noNewPrivs: true })],
  ];
  assert.equal(said(news, true).filter((line) => line.includes("NO_NEW_PRIVS")).length, 1);
  assert.deepEqual(said(news), ["server is started, as pid 11"]);
});

test("a hand-over, done and failed; what the new one leaves is refused", () => {
  assert.deepEqual(
    said([
      [0, started(10, 1)],
      [5, { kind: "reloading", pid: 10 }],
      [6, started(11, 2)],
      [7, { kind: "reloaded", result: "failed", why: "the new program has ended" }],
      [8, { kind: "reloaded", result: "handed-over", pid: 12, from: 10 }],
      [9, { kind: "refusing", because: "hold" }],
      [9, { kind: "killing", pid: 10, life: 1 }],
      [9, { kind: "reloaded", result: "restarted", pid: 13 }],
    ]),
    [
      "a new server is started beside pid 10",
      "server is started, as pid 11",
      "no hand-over: the new program has ended",
      "pid 12 has taken over from pid 10, which is told to end",
      "server does not use all that was kept: who connects to the rest is refused",
      "server (pid 10) has not ended in its grace and is killed",
    ],
  );
});

test("down for too long, and given up", () => {
  assert.deepEqual(
    said([
      [0, started(10, 1)],
      [5, { kind: "ended", pid: 10, life: 1, end: { status: 3 }, asked: false }],
      [6, { kind: "refusing", because: "hold" }],
      [6, { kind: "refusing", because: "refuse" }],
      [7, { kind: "given-up", restarts: 1, periodMs: 30_000 }],
    ]),
    [
      "server (pid 10) ended with status 3 after 5 ms",
      "it takes too long: who connects from now on is refused",
      "server is not started again: 1 restart within 30 s are enough",
    ],
  );
});
