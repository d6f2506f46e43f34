import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeNotification, notifyAddress, watchdogOf } from "./notify-socket.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

test("notifyAddress() takes a path with its end, an abstract name without", () => {
  const path = notifyAddress("/run/systemd/notify");
  assert.ok(path.kind === "unix" && text(path.bytes.subarray(2)) === "/run/systemd/notify\0");
  const abstract = notifyAddress("@a/b");
  assert.ok(abstract.kind === "unix" && text(abstract.bytes.subarray(2)) === "\0a/b");
});

test("notifyAddress() is nothing where nobody asks, and says why where it cannot be used", () => {
  assert.deepEqual([notifyAddress(undefined), notifyAddress("")], [{ kind: "none" }, { kind: "none" }]);
  for (const [address, why] of [
    ["vsock:2:1234", /vsock/],
    ["relative", /neither a path/],
    ["@", /neither a path/],
    ["/", /neither a path/],
    [`/${"x".repeat(107)}`, /too long/],
    [`@${"x".repeat(107)}`, /too long/],
  ] as const) {
    const found = notifyAddress(address);
    assert.ok(found.kind === "unusable" && why.test(found.why), address);
  }
  assert.equal(notifyAddress(`/${"x".repeat(106)}`).kind, "unix");
});

test("watchdogOf() counts for the process that WATCHDOG_PID names, or for all without it", () => {
  const wanted = { kind: "wanted", intervalMs: 1500.5 };
  assert.deepEqual(watchdogOf({ WATCHDOG_USEC: "1500500", WATCHDOG_PID: "42" }, 42), wanted);
  assert.deepEqual(watchdogOf({ WATCHDOG_USEC: "1500500" }, 42), wanted);
  assert.deepEqual(watchdogOf({ WATCHDOG_USEC: "1500500", WATCHDOG_PID: "41" }, 42), { kind: "none" });
  assert.deepEqual(watchdogOf({ WATCHDOG_PID: "42" }, 42), { kind: "none" });
});

test("watchdogOf() refuses what sd_watchdog_enabled(3) refuses", () => {
  for (const usec of ["", "0", "-1", "1s", "18446744073709551615", "99999999999999999999"])
    assert.equal(watchdogOf({ WATCHDOG_USEC: usec }, 1).kind, "unusable", usec);
  for (const pid of ["", "0", "me", "-1"])
    assert.equal(watchdogOf({ WATCHDOG_USEC: "1", WATCHDOG_PID: pid }, 1).kind, "unusable", pid);
});

test("encodeNotification() lets no value begin another line", () => {
  assert.equal(
    text(encodeNotification({ READY: 1, STATUS: "a\nSTOPPING=1\r\n\0b" })),
    "READY=1\nSTATUS=a STOPPING=1 b",
  );
});
