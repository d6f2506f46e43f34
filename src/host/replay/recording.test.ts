import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isPortmortemError } from "../../base/errors.ts";
import { RECORDING_VERSION, argumentsKey, namespaceKey, parseRecording } from "./recording.ts";

const GOOD = {
  schema: "portmortem.recording/1",
  portmortem: "0.1.0",
  recordedAt: "2025-01-01T12:00:00.000Z",
  command: ["why", "8080"],
  redacted: false,
  namespaces: { home: { sysctl: { '["a"]': "1", '["b"]': null }, futureMethod: { "[]": 7 } } },
};

const parse = (value: unknown) => parseRecording(typeof value === "string" ? value : JSON.stringify(value), "x.json");
const code = (value: unknown): string => {
  try {
    parse(value);
    return "read";
  } catch (error) {
    assert.ok(isPortmortemError(error), String(error));
    return error.code;
  }
};

test("parseRecording() reads what was written", () => assert.deepEqual(parse(GOOD), GOOD));

test("parseRecording() refuses a newer version, and says who can read it", () => {
  const newer = { ...GOOD, schema: `portmortem.recording/${RECORDING_VERSION + 1}`, portmortem: "9.9.9" };
  assert.throws(() => parse(newer), {
    code: "PM_REPLAY_NEWER",
    message: /version 2.*up to version 1/,
    hint: /9\.9\.9/,
  });
  assert.equal(code({ schema: "portmortem.recording/99" }), "PM_REPLAY_NEWER", "before it looks at the rest");
});

test("parseRecording() refuses what is no recording, and names the file", () => {
  const bad: unknown[] = [
    "",
    "{",
    "null",
    "[]",
    { schema: "portmortem.why/1" },
    { schema: "portmortem.recording/1" },
    { schema: "portmortem.recording/one", namespaces: { home: {} } },
    { ...GOOD, schema: 1 },
    { ...GOOD, namespaces: [] },
    { ...GOOD, namespaces: { elsewhere: {} } },
    { ...GOOD, namespaces: { home: { sysctl: [] } } },
  ];
  for (const one of bad) {
    assert.throws(() => parse(one), {
      code: "PM_REPLAY_INVALID",
      message: /^x\.json is no recording/,
      hint: /--record/,
    });
  }
});

test("parseRecording() refuses an answer that its method cannot give, and names it", () => {
  const answers: readonly (readonly [method: string, key: string, answer: unknown])[] = [
    ["system", "[]", null],
    ["processes", "[]", {}],
    ["processes", "[]", [1]],
    ["sysctl", '["a"]', 5],
    ["socketInode", "[1,2]", "x"],
    ["hasCapability", "[10]", 1],
    ["process", "[1]", []],
    ["containerState", "[{}]", null],
    ["containerState", "[{}]", { failure: "right" }],
    ["containerState", "[{}]", { container: { runtime: "docker", id: "a" } }],
    ["containerState", "[{}]", { container: "a", ports: [] }],
    ["findPublisher", "[]", {}],
    ["findPublisher", "[]", { publisher: {}, unasked: [] }],
    ["findPublisher", "[]", { unasked: [{}] }],
    ["processEnvironment", '[1,["name"]]', { name: 1 }],
    ["socketUnits", "[80,null]", [1]],
    ["dumpSockets", '[{"states":1}]', { summary: { failed: [], blind: [] }, sockets: [{}] }],
    ["dumpSockets", '[{"states":1}]', { summary: {}, sockets: [] }],
    ["dumpSockets", "not json", { summary: { failed: [], blind: [] }, sockets: [] }],
  ];
  for (const [method, key, answer] of answers)
    assert.throws(() => parse({ ...GOOD, namespaces: { home: {}, "name:web": { [method]: { [key]: answer } } } }), {
      code: "PM_REPLAY_INVALID",
      message: new RegExp(`its answer to ${method}\\(`),
    });
});

test("parseRecording() reads or refuses whatever it is given, and never fails otherwise", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.jsonValue()), (text) =>
      assert.match(code(text), /^(read|PM_REPLAY_)/),
    ),
    {
      numRuns: 2000,
    },
  );
  const damaged = fc.tuple(
    fc.nat(),
    fc.jsonValue(),
    fc.constantFrom("schema", "command", "namespaces", "portmortem", "recordedAt"),
  );
  fc.assert(
    fc.property(damaged, ([cut, value, key]) => {
      const text = JSON.stringify(GOOD);
      assert.match(code(text.slice(0, cut % text.length)), /^PM_REPLAY_INVALID$/);
      assert.match(code({ ...GOOD, [key]: value }), /^(read|PM_REPLAY_)/);
    }),
  );
});

test("parseRecording() takes a name like that of an object's own member for what it is", () => {
  const text = JSON.stringify(GOOD).replace('"home":{', '"__proto__":{"sysctl":{}},"home":{');
  assert.equal(code(text), "read");
  assert.equal(({} as Record<string, unknown>)["sysctl"], undefined);
});

test("namespaceKey() keeps names, paths and pids apart", () => {
  const keys = [{ name: "7" }, { path: "7" }, { pid: 7 }].map(namespaceKey);
  assert.equal(new Set([...keys, "home"]).size, 4);
});

test("argumentsKey() tells what is left out from what is not there", () => {
  assert.notEqual(argumentsKey([1, null]), argumentsKey([1]));
  assert.equal(argumentsKey([{ a: undefined, b: 1 }]), argumentsKey([{ b: 1 }]));
});
