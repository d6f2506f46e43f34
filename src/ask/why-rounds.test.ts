import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../host/host.ts";
import { createFakeHost } from "../testing/testing.ts";
import { why } from "./why.ts";

/** A machine whose kernel refuses so many binds for a socket that nobody finds afterwards. */
function fleeting(refusals: number): { readonly host: Host; readonly binds: () => number } {
  const still = createFakeHost({});
  let binds = 0;
  const probeBind: Host["probeBind"] = (attempt) => {
    if (attempt.port === 0) return still.probeBind(attempt);
    return { result: binds++ < refusals ? "EADDRINUSE" : "ok", step: "bind" };
  };
  const host = new Proxy(still, {
    get: (target, key: keyof Host) => {
      const value: unknown = key === "probeBind" ? probeBind : target[key];
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return { host, binds: () => binds };
}

test("why() looks again when what the kernel refused for is gone at the second look", async () => {
  const once = fleeting(2);
  const { bindable, blockers } = await why(8080, { host: once.host });
  assert.deepEqual([bindable, blockers, once.binds()], [true, [], 4]);
});

test("why() says `unseen` once it has looked three times", async () => {
  const always = fleeting(Infinity);
  const { bindable, blockers } = await why(8080, { host: always.host });
  assert.deepEqual([bindable, blockers.map(({ rule }) => rule), always.binds()], [false, ["unseen"], 6]);
});
