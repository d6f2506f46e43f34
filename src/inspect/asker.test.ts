import assert from "node:assert/strict";
import { test } from "node:test";
import { PortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { createFakeHost } from "../testing/testing.ts";
import { askerOf } from "./asker.ts";

const ordinary = createFakeHost({ system: { uid: 1000 } });

test("askerOf() looks for the right to destroy sockets where it will matter, and not of root", () => {
  assert.deepEqual(askerOf(ordinary, undefined, true), { uid: 1000, netAdmin: false });
  assert.deepEqual(askerOf(ordinary, "web", false), { uid: 1000, netns: "web" });
  assert.deepEqual(askerOf(createFakeHost({ system: { uid: 0 } }), undefined, true), { uid: 0 });
});

test("askerOf() does without what an earlier recording was not asked", () => {
  const without = (error: Error): Host =>
    Object.assign(createFakeHost({ system: { uid: 1000 } }), {
      hasCapability: () => {
        throw error;
      },
    });
  const missing = new PortmortemError("PM_REPLAY_MISSING", "the recording holds no hasCapability");
  assert.deepEqual(askerOf(without(missing), undefined, true), { uid: 1000 });
  assert.throws(() => askerOf(without(new Error("a defect")), undefined, true), /a defect/);
});
