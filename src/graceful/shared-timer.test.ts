import assert from "node:assert/strict";
import { test } from "node:test";
import { afterMs } from "./shared-timer.ts";

test("afterMs() calls each in its time, those of one turn too, and none that was called off", async () => {
  const startedAt = performance.now();
  const calls: [name: string, atMs: number][] = [];
  const later = (ms: number, name: string): (() => void) =>
    afterMs(ms, () => calls.push([name, performance.now() - startedAt]));
  const done = new Promise<void>((resolve) => afterMs(60, resolve));
  later(30, "a");
  later(20, "b");
  const cancel = later(20, "never");
  later(20, "c");
  cancel();
  await done;
  assert.deepEqual(
    calls.map(([name]) => name),
    ["b", "c", "a"],
  );
  // A timer of Node may be early by the fraction of a millisecond.
  for (const [name, atMs] of calls) assert.ok(atMs >= (name === "a" ? 29 : 19), `${name} at ${atMs} ms`);
});

test("afterMs(): who asks in a later turn waits all of the time", async () => {
  afterMs(50, () => {});
  await new Promise((resolve) => setTimeout(resolve, 20));
  const startedAt = performance.now();
  await new Promise<void>((resolve) => void afterMs(50, resolve));
  assert.ok(performance.now() - startedAt >= 49);
});

test("afterMs(): a group of which all are called off keeps no timer", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const cancelFirst = afterMs(60_000, () => {});
  cancelFirst();
  const cancelSecond = afterMs(60_000, () => {});
  await new Promise(setImmediate);
  assert.equal(timers(), before + 1);
  cancelSecond();
  assert.equal(timers(), before);
});

test("afterMs(): one that throws keeps none of the others waiting", async () => {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  try {
    const error = new Error("thrown");
    afterMs(1, () => {
      throw error;
    });
    await new Promise<void>((resolve) => void afterMs(1, resolve));
    assert.deepEqual(thrown, [error]);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
});
