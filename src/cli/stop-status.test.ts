import assert from "node:assert/strict";
import { test } from "node:test";
import type { StopRunsResult } from "../tcp/run-record.ts";
import { statusOfStop } from "./stop-status.ts";

const none: StopRunsResult = { stopped: [], notFound: [], failed: [], incomplete: [] };
const stopped = [{ id: "a", name: "a", keeper: { pid: 2 }, killed: false, text: "" }];
const notFound = [{ name: "b", text: "" }];
const noRight = { id: "c", name: "c", lacks: "right", text: "" } as const;
const stuck = { id: "d", name: "d", text: "" };

test("statusOfStop() is 0 when all are stopped, also when there were none", () => {
  assert.deepEqual([statusOfStop(none), statusOfStop({ ...none, stopped })], [0, 0]);
});

test("statusOfStop() is 1 for what is not there, 3 for a right that is missing, 5 for a part", () => {
  assert.equal(statusOfStop({ ...none, notFound }), 1);
  assert.equal(statusOfStop({ ...none, failed: [noRight] }), 3);
  assert.equal(statusOfStop({ ...none, stopped, notFound }), 5);
  assert.equal(statusOfStop({ ...none, stopped, failed: [noRight] }), 5);
  assert.equal(statusOfStop({ ...none, failed: [noRight, stuck] }), 5);
  assert.equal(statusOfStop({ ...none, notFound, failed: [noRight] }), 5);
});
