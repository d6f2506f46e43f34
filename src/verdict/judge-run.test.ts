import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunRecord } from "../tcp/run-record.ts";
import { judgeRun, listedRun, presenceOf } from "./judge-run.ts";
import type { RunFacts } from "./judge-run.ts";

const record: RunRecord = {
  id: "a1",
  name: "api",
  keeper: { pid: 700, startTicks: 1 },
  bootId: "boot",
  pidNamespace: 4_026_531_836,
  program: { pid: 701, startTicks: 2 },
  command: "node",
  args: ["server.js"],
  ports: [],
  mode: "adopt",
  cwd: "/",
  startedAt: "2026-01-01T00:00:00.000Z",
  restarts: 0,
  graceMs: 10_000,
};
const facts: RunFacts = { bootId: "boot", pidNamespace: 4_026_531_836, keeper: "there", program: "there" };

test("judgeRun() tells what lives from what does not", () => {
  const states = (["there", "gone", "unknown"] as const).map((keeper) =>
    (["there", "gone", "unknown"] as const).map((program) => judgeRun(record, { ...facts, keeper, program })),
  );
  assert.deepEqual(states, [
    ["kept", "down", "kept"],
    ["kept-no-more", "stale", "unknown"],
    ["unknown", "unknown", "unknown"],
  ]);
});

test("judgeRun() takes a keeper without a program for down, a dead one for stale", () => {
  const { program: _, ...bare } = record;
  assert.equal(judgeRun(bare, facts), "down");
  assert.equal(judgeRun(bare, { ...facts, keeper: "gone", program: "unknown" }), "stale");
});

test("judgeRun() takes a record of another boot for stale, whoever has the pids now", () => {
  assert.equal(judgeRun(record, { ...facts, bootId: "other" }), "stale");
});

test("judgeRun() takes a record of another pid namespace for stale only where that has ended, in this boot", () => {
  const ended = { keeper: "gone", program: "gone", pidNamespace: 4_026_532_000, hasNamespaceEnded: true } as const;
  assert.equal(judgeRun(record, { ...ended, bootId: "boot" }), "stale");
  assert.equal(judgeRun(record, { ...ended, bootId: "other" }), "elsewhere", "another machine's, it may be");
  assert.equal(judgeRun(record, ended), "elsewhere");
  for (const keeper of ["there", "gone", "unknown"] as const) {
    assert.equal(judgeRun(record, { ...facts, keeper, program: "gone", pidNamespace: 4_026_532_000 }), "elsewhere");
    assert.equal(judgeRun(record, { bootId: "other", keeper, program: "gone", pidNamespace: 1 }), "elsewhere");
    assert.equal(judgeRun(record, { bootId: "boot", keeper, program: "gone" }), "elsewhere", "ours is not told");
  }
});

test("presenceOf() wants the same start time, and more than a zombie", () => {
  const wanted = { pid: 5, startTicks: 77 };
  assert.equal(presenceOf(wanted, { startTicks: 77, state: "S" }, true), "there");
  assert.equal(presenceOf(wanted, { startTicks: 78, state: "S" }, true), "gone");
  assert.equal(presenceOf(wanted, { startTicks: 77, state: "Z" }, true), "gone");
  assert.equal(presenceOf(wanted, undefined, true), "gone");
  assert.equal(presenceOf(wanted, undefined, false), "unknown");
});

test("listedRun() leaves out a program that does not run, and says what is not as usual", () => {
  const now = Date.parse(record.startedAt) + 61_000;
  const kept = listedRun(record, "kept", now);
  assert.deepEqual([kept.program, kept.text, kept.upMs], [{ pid: 701 }, undefined, 61_000]);
  const down = listedRun(record, "down", now - 120_000);
  assert.deepEqual([down.program, down.upMs], [undefined, 0]);
  assert.match(listedRun(record, "kept-no-more", now).text ?? "", /keeper \(pid 700\) is dead/);
});
