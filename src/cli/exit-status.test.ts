import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, type ErrorCategory } from "../base/errors.ts";
import { EXIT, exitStatusOf } from "./exit-status.ts";

test("exitStatusOf() gives every category of error the status that the documentation promises", () => {
  const promised: Record<ErrorCategory, number> = { no: 1, usage: 2, right: 3, system: 4, defect: 70 };
  for (const [code, { category }] of Object.entries(ERRORS)) {
    assert.equal(exitStatusOf(category), promised[category], code);
    assert.notEqual(exitStatusOf(category), EXIT.ok, code);
  }
  assert.deepEqual(
    [...new Set(Object.values(ERRORS).map(({ category }) => category))].sort(),
    Object.keys(promised).sort(),
  );
});

test("exit statuses differ from each other, and from those of signals", () => {
  const statuses = Object.values(EXIT);
  assert.equal(new Set(statuses).size, statuses.length);
  for (const status of statuses) assert.ok(status >= 0 && status < 128);
});
