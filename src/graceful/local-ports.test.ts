import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurn, type LocalPorts, portsOf } from "./local-ports.ts";

test("portsOf() reads a range, two ends or a port", () => {
  assert.deepEqual(portsOf("600-602"), [600, 601, 602]);
  assert.deepEqual(portsOf([1023, 1024]), [1023, 1024]);
  assert.deepEqual(portsOf(700), [700]);
  assert.deepEqual(portsOf("700"), [700]);
  assert.equal(portsOf("1-65535").length, 65_535);
});

test("portsOf() refuses what is no range of ports, and quotes it", () => {
  const wrong: LocalPorts[] = ["", "a-b", "0-5", "5-4", "1-65536", "1.5", "600-", "600-601-602", Number.NaN, [7, 6]];
  for (const ports of wrong)
    assert.throws(
      () => portsOf(ports),
      ({ code, message }: { code: string; message: string }) =>
        code === "PM_BAD_PORT" && message.startsWith(`localPorts: ${String(ports)} `),
      String(ports),
    );
});

test("inTurn() has each port once, begins at the next one each time, and has those in use last", () => {
  const ports = [10, 11, 12, 13];
  const first = inTurn(ports, undefined);
  const second = inTurn(ports, undefined);
  assert.deepEqual(
    [...first].sort((a, b) => a - b),
    ports,
  );
  assert.equal(second[0], first[1]);
  const kept = new Map([
    [10, 5000],
    [12, undefined],
  ]);
  assert.deepEqual(
    inTurn(ports, kept)
      .slice(2)
      .sort((a, b) => a - b),
    [10, 12],
  );
});
