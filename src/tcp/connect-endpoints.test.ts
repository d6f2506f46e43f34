import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isPortmortemError } from "../base/errors.ts";
import { parseLocal, parseRemote } from "./connect-endpoints.ts";

for (const [text, expected] of [
  ["10.0.0.5:5432", { address: "10.0.0.5", port: 5432 }],
  ["[::1]:80", { address: "::1", port: 80 }],
  ["[fe80::1%eth0]:80", { address: "fe80::1%eth0", port: 80 }],
  ["[::ffff:10.0.0.5]:80", { address: "10.0.0.5", port: 80 }],
  ["0.0.0.0:80", { address: "127.0.0.1", port: 80 }],
  ["[::]:80", { address: "::1", port: 80 }],
  ["localhost:80", { name: "localhost", port: 80 }],
  ["db_1.example.:80", { name: "db_1.example.", port: 80 }],
] as const)
  test(`parseRemote() reads ${text}`, () => assert.deepEqual(parseRemote(text), expected));

for (const [text, expected] of [
  ["10.0.0.9", { address: "10.0.0.9" }],
  ["::1", { address: "::1" }],
  ["[fe80::1%eth0]", { address: "fe80::1%eth0" }],
  ["10.0.0.9:1010", { address: "10.0.0.9", ports: { first: 1010, last: 1010 } }],
  ["10.0.0.9:600-1023", { address: "10.0.0.9", ports: { first: 600, last: 1023 } }],
  ["[::1]:600-1023", { address: "::1", ports: { first: 600, last: 1023 } }],
  [":600-1023", { ports: { first: 600, last: 1023 } }],
  ["*:1010", { ports: { first: 1010, last: 1010 } }],
] as const)
  test(`parseLocal() reads ${text}`, () => assert.deepEqual(parseLocal(text), expected));

for (const [text, code] of [
  ["10.0.0.5", "PM_BAD_PORT"],
  ["db", "PM_BAD_PORT"],
  ["80", "PM_BAD_ADDRESS"],
  ["a b:80", "PM_BAD_ADDRESS"],
  ["1.2.3:80", "PM_BAD_ADDRESS"],
  ["*:80", "PM_BAD_ADDRESS"],
  ["", "PM_BAD_PORT"],
] as const)
  test(`parseRemote() refuses ${JSON.stringify(text)} with ${code}`, () => {
    assert.throws(() => parseRemote(text), { code });
  });

for (const [text, code] of [
  ["80", "PM_BAD_ADDRESS"],
  ["", "PM_BAD_ADDRESS"],
  [":1-70000", "PM_BAD_PORT"],
  [":0-5", "PM_BAD_PORT"],
  ["10.0.0.9:5-4", "PM_BAD_PORT"],
  ["10.0.0.9:", "PM_BAD_PORT"],
  ["host:80", "PM_BAD_ADDRESS"],
] as const)
  test(`parseLocal() refuses ${JSON.stringify(text)} with ${code}`, () => {
    assert.throws(() => parseLocal(text), { code });
  });

test("parseRemote() and parseLocal() answer or throw an error of ours, whatever the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const parse of [parseRemote, parseLocal])
        try {
          parse(text);
        } catch (error) {
          assert.ok(isPortmortemError(error), String(error));
        }
    }),
    { numRuns: 2000 },
  );
});
