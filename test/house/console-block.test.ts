import assert from "node:assert/strict";
import { test } from "node:test";
import { consoleBlocks, patternOf } from "./console-block.ts";

const matches = (expected: string, actual: string, any: string[] = []) =>
  patternOf(expected.split("\n"), any).test(`${actual}\n`);

test("consoleBlocks() takes marked blocks only, with their options", () => {
  const markdown =
    '```console\n$ no\n```\n<!-- run netns any="5" setup="a b" -->\n```console\n$ one\nout\n\n$ two\n```\n';
  assert.deepEqual(consoleBlocks("x.md", markdown), [
    {
      file: "x.md",
      line: 4,
      netns: true,
      setup: "a b",
      any: ["5"],
      steps: [
        { command: "one", expected: ["out", ""] },
        { command: "two", expected: [] },
      ],
    },
  ]);
});

test("patternOf() forgives numbers after in and pid, and nothing else", () => {
  assert.ok(matches("free in 59 s, pid 812", "free in 7.5 s, pid 90001"));
  assert.ok(!matches("port 49200", "port 49201"));
  assert.ok(matches("port 49200", "port 49201", ["49200"]));
  assert.ok(!matches("a+b", "aab"));
  assert.ok(!matches("one", "one\ntwo"));
  assert.ok(!matches("one\ntwo", "one"));
});

test("patternOf() lets columns breathe and keeps the indentation", () => {
  assert.ok(matches("state  port", "state    port"));
  assert.ok(!matches("state  port", "stateport"));
  assert.ok(!matches("    deep", "  deep"));
});

test("patternOf() takes … for anything in a line, and alone for any lines", () => {
  assert.ok(matches("a … z", "a b c z"));
  assert.ok(!matches("a … z", "a b\nc z"));
  assert.ok(matches("a\n…\nz", "a\nb\nc\nz"));
  assert.ok(matches("a\n…\nz", "a\nz"));
});
