import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RunRecord } from "../tcp/run-record.ts";
import { formatRunRecord, parseRunRecord } from "./run-record-text.ts";

const record: RunRecord = {
  id: "0abc9",
  name: "api",
  keeper: { pid: 700, startTicks: 123_456 },
  bootId: "6f0f6c0e-8b1e-4f0e-9d0e-1b2c3d4e5f60",
  pidNamespace: 4_026_531_836,
  program: { pid: 701, startTicks: 123_460 },
  command: "node",
  args: ["server.js", "", 'a "b"\n'],
  ports: [{ protocol: "tcp", address: "::", port: 49_200 }],
  mode: "adopt",
  cwd: "/srv/api",
  startedAt: "2026-01-01T00:00:00.000Z",
  restarts: 3,
  graceMs: 10_000,
};
const text = formatRunRecord(record);

const changed = (change: object): string => JSON.stringify({ ...(JSON.parse(text) as object), ...change });

test("parseRunRecord() reads what formatRunRecord() writes", () => {
  assert.deepEqual(parseRunRecord(text), { record });
  const { bootId: _, pidNamespace: __, program: ___, ...least } = record;
  assert.deepEqual(parseRunRecord(formatRunRecord(least)), { record: least });
});

test("parseRunRecord() skips fields that it does not know", () => {
  assert.deepEqual(parseRunRecord(changed({ colour: "red", ports: [{ ...record.ports[0], tls: true }] })), { record });
});

test("parseRunRecord() leaves a later schema alone", () => {
  const newer = changed({ schema: "portmortem.run-record/2", keeper: "elsewhere" });
  assert.deepEqual(parseRunRecord(newer), { why: "it was written by a later version of portmortem", newer: true });
});

test("parseRunRecord() names the field that is wrong", () => {
  const wrong: Record<string, readonly unknown[]> = {
    id: ["", "../x", "a.b", "A", 1, "x".repeat(33)],
    name: ["", 5, "x".repeat(1025)],
    keeper: [null, {}, { pid: 0, startTicks: 1 }, { pid: -1, startTicks: 1 }, { pid: 1.5, startTicks: 1 }, { pid: 7 }],
    program: [null, 7, { pid: 4_194_305, startTicks: 1 }, { pid: 7, startTicks: "1" }],
    bootId: [7],
    pidNamespace: ["x", -1],
    command: ["", null],
    args: [null, "x", [1], [null]],
    ports: [
      null,
      [{}],
      [{ protocol: "sctp", address: "::", port: 1 }],
      [{ protocol: "tcp", address: "::", port: 65_536 }],
    ],
    mode: ["other", undefined, 1],
    cwd: ["", 1],
    startedAt: ["yesterday", 1],
    restarts: [-1, 0.5, "1", null],
    graceMs: [-1, null, 1e300],
  };
  for (const [field, values] of Object.entries(wrong))
    for (const value of values)
      assert.deepEqual(parseRunRecord(changed({ [field]: value })), {
        why: `its ${field} cannot be read`,
        newer: false,
      });
});

test("parseRunRecord() bears a file that is cut anywhere, or has its bytes turned over", () => {
  // Without the end of line and the last brace at the least.
  for (let at = 0; at < text.length - 1; at++) assert.ok("why" in parseRunRecord(text.slice(0, at)));
  const bytes = Buffer.from(text);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    const parsed = parseRunRecord(damaged.toString());
    if ("record" in parsed) assert.ok(parsed.record.keeper.pid > 0 && /^[0-9a-z]+$/.test(parsed.record.id));
  }
});

test("parseRunRecord() bears any JSON", () => {
  fc.assert(fc.property(fc.json(), (json) => "why" in parseRunRecord(json)));
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(record)), fc.jsonValue(), (field, value) => {
      const parsed = parseRunRecord(changed({ [field]: value }));
      return "why" in parsed || parsed.record.keeper.pid > 0;
    }),
  );
});
