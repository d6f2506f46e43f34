import assert from "node:assert/strict";
import { test } from "node:test";
import { isPortmortemError } from "../base/errors.ts";
import { settleKeepOptions } from "./keep-options.ts";

test("what is left out has its default", () => {
  const settled = settleKeepOptions({ command: "x" });
  assert.deepEqual(settled.program, { command: "x", args: [] });
  assert.deepEqual(settled.ports, []);
  assert.deepEqual(settled.restarts, { restart: "on-failure", firstMs: 100, mostMs: 30_000, healthyMs: 10_000 });
  const { mode, whileDown, holdMs, graceMs, take } = settled;
  assert.deepEqual([mode, whileDown, holdMs, graceMs, take], ["auto", "queue", 10_000, 10_000, false]);
});

test("what is given is taken", () => {
  const settled = settleKeepOptions({
    command: "x",
    args: ["-y"],
    ports: [80, "127.0.0.1:81", "[::1]:82"],
    restart: "always",
    backoff: { firstMs: 0, mostMs: 5 },
    maxRestarts: { count: 0, periodMs: 1000 },
    whileDown: "refuse",
  });
  assert.deepEqual(
    settled.ports.map(({ address, port }) => [address, port]),
    [
      [undefined, 80],
      ["127.0.0.1", 81],
      ["::1", 82],
    ],
  );
  assert.deepEqual(settled.restarts, {
    restart: "always",
    firstMs: 0,
    mostMs: 5,
    healthyMs: 10_000,
    most: { count: 0, periodMs: 1000 },
  });
  assert.equal(settled.whileDown, "refuse");
});

/** As a caller without types writes it. */
const WRONG: readonly [Readonly<Record<string, unknown>>, string, RegExp][] = [
  [{ command: "" }, "PM_USAGE", /no command/],
  [{ command: 7 }, "PM_USAGE", /no command/],
  [{ port: 80 }, "PM_USAGE", /port/],
  [{ mode: "adapt" }, "PM_USAGE", /mode of "adapt"/],
  [{ restart: "sometimes" }, "PM_USAGE", /restart of "sometimes"/],
  [{ whileDown: "hang" }, "PM_USAGE", /whileDown of "hang"/],
  [{ graceMs: -1 }, "PM_USAGE", /graceMs of -1/],
  [{ holdMs: Number.NaN }, "PM_USAGE", /holdMs of NaN/],
  [{ backoff: { firstMs: 5, mostMs: 1 } }, "PM_USAGE", /waits from 5 to 1 ms/],
  [{ maxRestarts: { count: 1.5, periodMs: 1 } }, "PM_USAGE", /1\.5 restarts/],
  [{ maxRestarts: { count: 1, periodMs: -1 } }, "PM_USAGE", /periodMs of -1/],
  [{ ports: ["eighty"] }, "PM_BAD_PORT", /eighty/],
  [{ ports: [70_000] }, "PM_BAD_PORT", /70000/],
  [{ ports: ["1.2.3:80"] }, "PM_BAD_ADDRESS", /1\.2\.3/],
  [{ mode: "activate" }, "PM_USAGE", /without a port/],
];

for (const [options, code, message] of WRONG)
  test(`${JSON.stringify(options)} is refused`, () => {
    assert.throws(
      () => settleKeepOptions({ command: "x", ...options }),
      (error) => isPortmortemError(error) && error.code === code && message.test(error.message),
    );
  });
