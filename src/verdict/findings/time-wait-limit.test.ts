import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, socketGroup } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { TIME_WAIT_LIMIT } from "./time-wait-limit.ts";

const LIMIT = { "net.ipv4.tcp_max_tw_buckets": "1000" };
const AT = Date.UTC(2025, 0, 1, 12);

function looks(timeWait: number, overflows: readonly [number, number?], rest: Partial<HealthSnapshot> = {}) {
  const [now, before] = overflows;
  const look = (atMs: number, count: number) =>
    healthyLook({ atMs, counters: { "sockstat.TCP.tw": timeWait, "TcpExt.TCPTimeWaitOverflow": count } });
  return TIME_WAIT_LIMIT.find(
    healthySnapshot({
      settings: LIMIT,
      now: look(AT, now),
      ...(before === undefined ? {} : { before: look(AT - 5000, before) }),
      ...rest,
    }),
  );
}

test("time-wait-limit warns when the overflow grows, and says by how many in how long", () => {
  const [found] = looks(1000, [120, 100], { rootPrefix: "sudo " });
  assert.equal(found?.level, "warning");
  assert.equal(found.title, "TIME-WAIT is full: 20 connections ended without it in 5 s");
  assert.deepEqual(found.evidence, {
    timeWait: 1000,
    limit: 1000,
    overflowsSoFar: 120,
    overflows: 20,
    watchedMs: 5000,
  });
  assert.equal(found.advice[0]?.command, "sudo sysctl -w net.ipv4.tcp_max_tw_buckets=262144");
});

test("time-wait-limit is a hint when the limit was passed at some time, or is near", () => {
  assert.equal(looks(10, [100, 100])[0]?.level, "info");
  assert.equal(looks(10, [100])[0]?.title, "TIME-WAIT was full: 100 connections so far ended without it");
  assert.equal(looks(900, [0])[0]?.title, "TIME-WAIT: 900 of 1 000 (tcp_max_tw_buckets)");
});

test("time-wait-limit is silent below nine tenths, and where neither limit nor counter was told", () => {
  assert.deepEqual(looks(899, [0, 0]), []);
  assert.deepEqual(TIME_WAIT_LIMIT.find(healthySnapshot({ settings: {} })), []);
});

test("time-wait-limit counts TIME-WAIT itself where sockstat is not told", () => {
  const now = healthyLook({ timeWait: { total: 950, byLocalPort: [], byPeer: [] } });
  assert.equal(TIME_WAIT_LIMIT.find(healthySnapshot({ settings: LIMIT, now }))[0]?.evidence["timeWait"], 950);
});

test("time-wait-limit says how many of those that count are in FIN-WAIT-2", () => {
  const [found] = TIME_WAIT_LIMIT.find(
    healthySnapshot({
      settings: { "net.ipv4.tcp_max_tw_buckets": "100" },
      now: healthyLook({
        counters: { "sockstat.TCP.tw": 100 },
        states: { "FIN-WAIT-2": 95 },
        timeWait: { total: 10, byLocalPort: [], byPeer: [] },
        groups: [socketGroup("fin-wait-2-held", { count: 5 })],
      }),
    }),
  );
  assert.equal(found?.title, "TIME-WAIT and FIN-WAIT-2: 100 of 100 (tcp_max_tw_buckets)");
  assert.match(found.text, /90 of them are closed connections in FIN-WAIT-2/);
  assert.equal(found.evidence["timeWait"], 10);
  assert.equal(found.evidence["finWait2"], 90);
});
