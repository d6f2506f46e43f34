import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_RESTARTS, NO_RESTARTS, judgeEnd } from "./restart-policy.ts";
import type { RestartHistory, RestartPolicy } from "./restart-policy.ts";

const CRASH = { signal: "SIGSEGV" } as const;

/** The delays of so many ends in a row, each life as long as told. */
function delays(policy: RestartPolicy, lifetimesMs: readonly number[]): (number | string)[] {
  let history: RestartHistory = NO_RESTARTS;
  let nowMs = 0;
  return lifetimesMs.map((lifetimeMs) => {
    const times = { startedAtMs: nowMs, endedAtMs: nowMs + lifetimeMs };
    const next = judgeEnd(policy, history, CRASH, times);
    if (next.kind === "give-up") return next.because;
    history = next.history;
    nowMs = times.endedAtMs + next.delayMs;
    return next.delayMs;
  });
}

test("judgeEnd() waits twice as long each time, up to the most", () => {
  const policy = { ...DEFAULT_RESTARTS, firstMs: 100, mostMs: 1000 };
  assert.deepEqual(delays(policy, [1, 1, 1, 1, 1, 1]), [100, 200, 400, 800, 1000, 1000]);
  const long = delays(policy, Array<number>(2000).fill(1));
  assert.equal(long.at(-1), 1000, "also where doubling has gone beyond all numbers");
});

test("judgeEnd() restarts at once what was well, and begins anew", () => {
  const policy = { ...DEFAULT_RESTARTS, firstMs: 100, mostMs: 1000, healthyMs: 5000 };
  assert.deepEqual(delays(policy, [1, 1, 5000, 1, 4999, 6000]), [100, 200, 0, 200, 400, 0]);
});

test("judgeEnd() with a first wait of 0 never waits", () => {
  assert.deepEqual(delays({ ...DEFAULT_RESTARTS, firstMs: 0, mostMs: 0 }, [1, 1, 1]), [0, 0, 0]);
});

test("judgeEnd() gives up after too many restarts within the period, and not before", () => {
  const policy = { ...DEFAULT_RESTARTS, firstMs: 0, mostMs: 0, most: { count: 3, periodMs: 100 } };
  assert.deepEqual(delays(policy, [10, 10, 10, 10]), [0, 0, 0, "too-many-restarts"]);
  assert.deepEqual(delays(policy, [10, 10, 10, 90, 10]), [0, 0, 0, 0, 0], "the first is out of the period by then");
});

test("judgeEnd() knows what a failure is", () => {
  const times = { startedAtMs: 0, endedAtMs: 1 };
  const kindOf = (restart: RestartPolicy["restart"], end: { status: number } | { signal: "SIGTERM" }): string => {
    const next = judgeEnd({ ...DEFAULT_RESTARTS, restart }, NO_RESTARTS, end, times);
    return next.kind === "give-up" ? next.because : next.kind;
  };
  assert.equal(kindOf("on-failure", { status: 0 }), "ended");
  assert.equal(kindOf("on-failure", { status: 1 }), "restart");
  assert.equal(kindOf("on-failure", { signal: "SIGTERM" }), "restart");
  assert.equal(kindOf("always", { status: 0 }), "restart");
  assert.equal(kindOf("never", { status: 1 }), "never");
});
