import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { amountText, countText, durationText } from "./duration.ts";

test("durationText() rounds up, so that it is never over before it says so", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 s"],
    [1, "1 ms"],
    [999, "999 ms"],
    [1000, "1 s"],
    [1001, "2 s"],
    [59_210, "60 s"],
    [119_000, "119 s"],
    [120_000, "2 min"],
    [200_000, "3 min 20 s"],
    [7_199_000, "119 min 59 s"],
    [7_200_000, "2 h"],
    [7_500_000, "2 h 5 min"],
  ];
  for (const [ms, text] of cases) assert.equal(durationText(ms), text);
});

test("durationText() says no less than the time, and at most a minute more", () => {
  const unit: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
  fc.assert(
    fc.property(fc.nat(100_000_000), (ms) => {
      const parts = [...durationText(ms).matchAll(/(\d+) (ms|s|min|h)/g)];
      const said = parts.reduce((sum, [, count, name]) => sum + Number(count) * unit[name!]!, 0);
      assert.ok(said >= ms && said < ms + 60_000, `${ms} ms: ${durationText(ms)}`);
    }),
  );
});

test("countText() sets thousands apart", () => {
  assert.deepEqual([0, 999, 1000, 81_055, 1_000_000].map(countText), ["0", "999", "1 000", "81 055", "1 000 000"]);
});

test("amountText() has a singular", () => {
  assert.equal(amountText(1, "connection"), "1 connection");
  assert.equal(amountText(1204, "connection"), "1 204 connections");
  assert.equal(amountText(2, "process", "processes"), "2 processes");
});
