import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgressLine } from "./progress.ts";

function watched(wanted: boolean, terminal: boolean) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const line = createProgressLine(wanted, {
    now: () => clock.ms,
    isTerminal: () => terminal,
    write: (text) => written.push(text),
  });
  return { line, written, clock };
}

test("createProgressLine() shows nothing in the first second, then a line now and then, and takes it away", () => {
  const { line, written, clock } = watched(true, true);
  for (; clock.ms < 1000; clock.ms += 100) line.report(clock.ms, "sockets");
  line.clear();
  assert.deepEqual(written, []);
  for (; clock.ms < 1500; clock.ms += 50) line.report(123_456, "sockets");
  line.report(7, "processes");
  line.clear();
  line.clear();
  assert.deepEqual(written, [...Array.from({ length: 3 }, () => "\r\u001b[Kreading: 123 456 sockets"), "\r\u001b[K"]);
});

test("createProgressLine() shows nothing off a terminal, and nothing to whoever asked for quiet", () => {
  for (const [wanted, terminal] of [
    [true, false],
    [false, true],
  ] as const) {
    const { line, written, clock } = watched(wanted, terminal);
    clock.ms = 5000;
    line.report(1, "sockets");
    line.clear();
    assert.deepEqual(written, []);
  }
});

test("createProgressLine() counts down between two looks, from the first second on", () => {
  const { line, written } = watched(true, true);
  line.countDown(10_000);
  line.clear();
  assert.deepEqual(written, ["\r\u001b[Klooking again in 10 s", "\r\u001b[K"]);
  const quiet = watched(false, true);
  quiet.line.countDown(10_000);
  assert.deepEqual(quiet.written, []);
});
