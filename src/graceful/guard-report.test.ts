import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuardOptions, GuardReport } from "./guard-options.ts";
import { reportOf } from "./guard-report.ts";

const NOW = { connections: 1, found: { kernel: 0, heartbeat: 0, idleTimeout: 0 }, withoutHeartbeat: 0 };

function keepAlive(idle: number, interval: number, probes: number): GuardReport["options"] {
  return {
    keepAliveIdleMs: { by: "node", value: idle },
    keepAliveIntervalMs: { by: "setsockopt", value: interval },
    keepAliveProbes: { by: "setsockopt", value: probes },
  };
}

const userTimeout = (value: number): GuardReport["options"] => ({ userTimeoutMs: { by: "setsockopt", value } });
const boundOf = (kernel: GuardReport["options"], options: GuardOptions = {}, now = NOW): GuardReport["bound"] =>
  reportOf(options, 100, kernel, now).bound;

test("a guard states for keepalive what the kernel was measured at, and an eighth", () => {
  // docs/kernel/half-open.md: idle, interval, count, user timeout, and when it ended.
  const measured: readonly (readonly [number, number, number, number | undefined, number])[] = [
    [1000, 1000, 2, undefined, 3000],
    [4000, 3000, 2, undefined, 10_000],
    [1000, 1000, 2, 1000, 2000],
    [1000, 1000, 2, 1500, 2000],
    [1000, 1000, 2, 2500, 3000],
    [1000, 1000, 2, 7000, 7000],
    [2000, 3000, 2, 1000, 5000],
  ];
  for (const [idle, interval, probes, timeout, endedMs] of measured) {
    const settings = { ...keepAlive(idle, interval, probes), ...(timeout === undefined ? {} : userTimeout(timeout)) };
    assert.equal(boundOf(settings).quietMs, Math.ceil((endedMs * 9) / 8));
  }
});

test("a guard by keepalive alone states no bound for data in flight, and says what would help", () => {
  const { ms, quietMs, unacknowledgedMs, why } = boundOf(keepAlive(1000, 1000, 2));
  assert.deepEqual([ms, quietMs, unacknowledgedMs], [undefined, 3375, undefined]);
  assert.match(why.join(), /tcp_retries2.*userTimeoutMs/);
});

test("a guard by a user timeout alone states no bound for a quiet connection", () => {
  const { ms, quietMs, unacknowledgedMs, why } = boundOf(userTimeout(8000));
  assert.deepEqual([ms, quietMs, unacknowledgedMs], [undefined, undefined, 10_000]);
  assert.match(why.join(), /quiet/);
});

test("a guard by both states keepalive's time and then the user timeout's for the worst", () => {
  const { ms, why } = boundOf({ ...keepAlive(1000, 1000, 2), ...userTimeout(1600) });
  assert.equal(ms, 2250 + 2800);
  assert.deepEqual(why, []);
});

test("a guard by its own timers states their time in every state", () => {
  const heartbeat = { everyMs: 1000, timeoutMs: 500 };
  assert.deepEqual(boundOf({}, { heartbeat }), { ms: 1600, quietMs: 1600, unacknowledgedMs: 1600, why: [] });
  assert.equal(boundOf({}, { idleTimeoutMs: 900 }).ms, 1100);
  assert.equal(boundOf({}, { heartbeat, idleTimeoutMs: 900 }).ms, 1100);
  assert.equal(boundOf(keepAlive(200, 100, 2), { heartbeat }).quietMs, 450);
});

test("a guard states no bound by heartbeats as long as a connection can send none", () => {
  const { ms, why } = boundOf({}, { heartbeat: { everyMs: 1000, timeoutMs: 500 } }, { ...NOW, withoutHeartbeat: 1 });
  assert.equal(ms, undefined);
  assert.equal(why.length, 2);
});

test("a guard computes with what the runtime has set where nobody could set it", () => {
  const by = "nobody";
  const why = "no native part";
  const settings: GuardReport["options"] = {
    keepAliveIdleMs: { by: "node", value: 5000 },
    keepAliveIntervalMs: { by, why, value: 1000 },
    keepAliveProbes: { by, why, value: 10 },
    userTimeoutMs: { by, why },
  };
  assert.equal(boundOf(settings).quietMs, (15_000 * 9) / 8);
  assert.equal(boundOf({ ...settings, keepAliveProbes: { by, why } }).quietMs, undefined);
  assert.equal(boundOf(settings).unacknowledgedMs, undefined);
});
