import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultRunName, whyNoRunName } from "./run-name.ts";

test("whyNoRunName() refuses what could be taken for a port, an option or two words", () => {
  for (const name of ["api", "api-2", "übung", "a.b_c@d", "x".repeat(64)]) assert.equal(whyNoRunName(name), undefined);
  for (const name of ["", "8080", "-x", "a b", "a\nb", "a\u001b[1m", "x".repeat(65)]) assert.ok(whyNoRunName(name));
});

test("defaultRunName() is the command's last part, numbered where it is taken", () => {
  assert.equal(defaultRunName("/usr/bin/node", new Set()), "node");
  assert.equal(defaultRunName("node", new Set(["node"])), "node-2");
  assert.equal(defaultRunName("node", new Set(["node", "node-2", "node-4"])), "node-3");
  assert.equal(defaultRunName("./my server", new Set()), "my-server");
  assert.equal(defaultRunName("./8080", new Set()), "run-8080");
  assert.equal(defaultRunName("/", new Set()), "run");
});

test("defaultRunName() is always a good name that is not taken", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 90 }), fc.array(fc.string()), (command, others) => {
      const taken = new Set([...others, defaultRunName(command, new Set())]);
      const name = defaultRunName(command, taken);
      return whyNoRunName(name) === undefined && !taken.has(name);
    }),
  );
});
