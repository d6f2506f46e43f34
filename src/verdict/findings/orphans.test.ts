// orphans-stuck and orphans-limit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, socketGroup } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { ORPHANS_LIMIT } from "./orphans-limit.ts";
import { ORPHANS_STUCK } from "./orphans-stuck.ts";

function stuck(group: Partial<SocketGroup>, rest: Partial<HealthSnapshot> = {}, established = 0) {
  const now = healthyLook({ groups: [socketGroup("orphan", group)], states: { ESTABLISHED: established } });
  return ORPHANS_STUCK.find(healthySnapshot({ now, ...rest }));
}

test("orphans-stuck tells a peer that is gone from one that does not read", () => {
  const [gone] = stuck({ count: 12, state: "LAST-ACK", retransmits: 5, longestSilentMs: 90_000 });
  assert.equal(gone?.level, "info");
  assert.equal(gone.title, "12 closed connections stuck in LAST-ACK");
  assert.match(gone.text, /: 5 retransmits without an answer, silent for up to 90 s\./);
  assert.equal(gone.advice[1]?.command, "portmortem drop 'state last-ack dst 10.0.0.7'");
  const [full] = stuck({ count: 12, state: "FIN-WAIT-1", zeroWindow: 11 });
  assert.match(full?.text ?? "", /: 11 can send nothing and probe: their peer does not read, or/);
  assert.equal(full?.evidence["probing"], 11);
});

test("orphans-stuck leaves alone what is merely under way", () => {
  assert.deepEqual(stuck({ count: 9, retransmits: 8 }), []);
  assert.deepEqual(stuck({ count: 5000, retransmits: 2 }), []);
  assert.deepEqual(stuck({ count: 5000 }), []);
});

test("orphans-stuck warns of a thousand, unless ten times as many are connected", () => {
  const level = (count: number, established: number) => stuck({ count, retransmits: 3 }, {}, established)[0]?.level;
  assert.equal(level(999, 0), "info");
  assert.equal(level(1000, 10_000), "warning");
  assert.equal(level(1000, 10_001), "info");
});

test("orphans-stuck has no command for kernels that would leave them for ever", () => {
  const system = { ...healthySnapshot().system, kernelRelease: "6.1.0" };
  const [found] = stuck({ count: 12, retransmits: 5 }, { system });
  assert.equal(found?.advice[1]?.command, undefined);
  assert.match(found?.advice[1]?.text ?? "", /can leave them for ever/);
});

const AT = Date.UTC(2025, 0, 1, 12);
const ABORTED = "TcpExt.TCPAbortOnMemory";

function limited(orphans: number, aborted: readonly [number, number?] = [0], limit = "1000") {
  const look = (atMs: number, count: number) =>
    healthyLook({ atMs, counters: { "sockstat.TCP.orphan": orphans, [ABORTED]: count } });
  const [now, before] = aborted;
  return ORPHANS_LIMIT.find(
    healthySnapshot({
      settings: { "net.ipv4.tcp_max_orphans": limit },
      now: look(AT, now),
      ...(before === undefined ? {} : { before: look(AT - 5000, before) }),
    }),
  )[0];
}

test("orphans-limit follows the kernel: stuck ones are reset from a quarter on, all of them past the limit", () => {
  assert.equal(limited(249), undefined);
  assert.equal(limited(250)?.level, "info");
  assert.equal(limited(500)?.level, "warning");
  assert.equal(limited(1000)?.level, "critical");
  assert.equal(limited(250)?.title, "250 of 1 000 orphaned connections (tcp_max_orphans)");
  assert.equal(limited(0, [0], "0"), undefined);
  assert.equal(limited(1, [0], "0")?.level, "critical");
});

test("orphans-limit warns when the kernel resets them between two looks, not of what is past", () => {
  const found = limited(3, [20, 8]);
  assert.equal(found?.level, "warning");
  assert.equal(found.title, "the kernel reset 12 closed connections for want of memory");
  assert.deepEqual(found.evidence, { orphans: 3, limit: 1000, abortedSoFar: 20, aborted: 12, watchedMs: 5000 });
  assert.equal(limited(3, [20, 20]), undefined);
});

test("orphans-limit says nothing in a network namespace that is not told the limit", () => {
  const now = healthyLook({ counters: { "sockstat.TCP.orphan": 100_000 } });
  assert.deepEqual(ORPHANS_LIMIT.find(healthySnapshot({ settings: {}, now })), []);
});
