// half-open and keepalive-slow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, socketGroup } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { HALF_OPEN } from "./half-open.ts";
import { KEEPALIVE_SLOW } from "./keepalive-slow.ts";

function silent(count: number, silentAnHour: number | undefined, rest: Partial<HealthSnapshot> = {}) {
  const group = socketGroup("no-keepalive", {
    count,
    longestSilentMs: 90_000_000,
    ...(silentAnHour === undefined ? {} : { silentAnHour }),
  });
  return HALF_OPEN.find(healthySnapshot({ now: healthyLook({ groups: [group] }), ...rest }));
}

test("half-open is a hint however old they are, and is silent about a console or two", () => {
  const [found] = silent(500, 3);
  assert.equal(found?.level, "info");
  assert.equal(found.title, "node (pid 812): 3 connections silent for an hour, without keepalive");
  assert.match(found.text, /The longest silence is 25 h\./);
  assert.deepEqual(silent(500, 2), []);
  assert.deepEqual(silent(500, undefined), []);
});

test("half-open warns when they take half of the program's descriptors", () => {
  const level = (silentAnHour: number) =>
    silent(600, silentAnHour, { descriptors: [{ pid: 812, command: "node", count: 700, limit: 1024 }] })[0]?.level;
  assert.equal(level(511), "info");
  assert.equal(level(512), "warning");
});

test("keepalive-slow says when the next probe is due, and turns the setting only where it is to blame", () => {
  const group = socketGroup("slow-keepalive", { count: 4, silentAnHour: 2, longestSilentMs: 7_200_000 });
  const timer = { kind: "keepalive", remainingMs: 36_000_000, retransmits: 0 } as const;
  const judge = (settings: HealthSnapshot["settings"], silentAnHour = 2) =>
    KEEPALIVE_SLOW.find(
      healthySnapshot({
        settings,
        now: healthyLook({ groups: [{ ...group, silentAnHour, sample: { ...group.sample, timer } }] }),
      }),
    )[0];
  const found = judge({ "net.ipv4.tcp_keepalive_time": "7200" });
  assert.equal(found?.level, "info");
  assert.match(found.text, /^Silent for an hour: 2, the longest for 2 h; one is asked only in 10 h\./);
  assert.equal(found.evidence["keepaliveRemainingMs"], 36_000_000);
  assert.equal(found.advice.length, 1);
  const bySetting = judge({ "net.ipv4.tcp_keepalive_time": "86400" });
  assert.equal(bySetting?.advice[1]?.command, "sysctl -w net.ipv4.tcp_keepalive_time=600");
  assert.equal(judge({}, 0), undefined);
});
