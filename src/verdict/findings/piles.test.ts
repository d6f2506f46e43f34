// CLOSE-WAIT and FIN-WAIT-2 that programs keep: thresholds of number and age.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, socketGroup } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { CLOSE_WAIT_PILE } from "./close-wait-pile.ts";
import { FIN_WAIT_2_HELD } from "./fin-wait-2-held.ts";

const AT = Date.UTC(2025, 0, 1, 12);

function snapshotOf(group: SocketGroup, rest: Partial<HealthSnapshot> = {}): HealthSnapshot {
  return healthySnapshot({ now: healthyLook({ atMs: AT, groups: [group] }), ...rest });
}

function levels(kind: "close-wait" | "fin-wait-2-held", cases: readonly (readonly [number, number | undefined])[]) {
  const definition = kind === "close-wait" ? CLOSE_WAIT_PILE : FIN_WAIT_2_HELD;
  return cases.map(([count, longestSilentMs]) => {
    const group = socketGroup(kind, { count, ...(longestSilentMs === undefined ? {} : { longestSilentMs }) });
    return definition.find(snapshotOf(group))[0]?.level;
  });
}

test("close-wait-pile asks for many, or for old ones; a handful is healthy at any age", () => {
  assert.deepEqual(
    levels("close-wait", [
      [9, 86_400_000],
      [10, 599_999],
      [99, 599_999],
      [5000, 999],
    ]),
    [undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(
    levels("close-wait", [
      [10, 600_000],
      [100, 1000],
      [100, 59_999],
      [100, undefined],
    ]),
    ["info", "info", "info", "info"],
  );
  assert.deepEqual(levels("close-wait", [[100, 60_000]]), ["warning"]);
});

test("fin-wait-2-held gives many of them ten minutes before it warns", () => {
  assert.deepEqual(
    levels("fin-wait-2-held", [
      [9, 86_400_000],
      [100, 999],
      [10, 600_000],
      [100, 599_999],
      [100, 600_000],
    ]),
    [undefined, undefined, "info", "info", "warning"],
  );
});

test("close-wait-pile names program, peers, age and growth, and what share of the descriptors they take", () => {
  const group = socketGroup("close-wait", {
    count: 1204,
    longestSilentMs: 3_600_000,
    peers: [
      { address: "10.0.0.7", count: 1200 },
      { address: "10.0.0.9", count: 3 },
    ],
  });
  const [found] = CLOSE_WAIT_PILE.find(
    snapshotOf(group, {
      before: healthyLook({ atMs: AT - 5000, groups: [{ ...group, count: 1192 }] }),
      descriptors: [{ pid: 812, command: "node", count: 1300, limit: 4096 }],
    }),
  );
  assert.equal(found?.title, "node (pid 812): 1 204 connections in CLOSE-WAIT, growing");
  assert.equal(
    found.text,
    "The other side has closed them, one of them at least 60 min ago; the program has not. 12 more than 5 s ago. Most with 10.0.0.7 (1 200), 10.0.0.9 (3). They keep 1 204 of the 4 096 descriptors it may have.",
  );
  assert.deepEqual(found.evidence, {
    state: "CLOSE-WAIT",
    count: 1204,
    pid: 812,
    command: "node",
    longestSilentMs: 3_600_000,
    grown: 12,
    watchedMs: 5000,
    peers: [
      { address: "10.0.0.7", count: 1200 },
      { address: "10.0.0.9", count: 3 },
    ],
    sample: { local: "10.0.0.1:8080", remote: "10.0.0.7:40112" },
    descriptors: 1300,
    descriptorLimit: 4096,
  });
  assert.deepEqual(
    found.advice.map(({ command, costs }) => [command, costs]),
    [
      ["portmortem ls 'state close-wait and pid = 812'", "nothing"],
      ["kill 812", "downtime"],
    ],
  );
});

test("close-wait-pile restarts a program the way its manager would", () => {
  const commandFor = (owner: Partial<NonNullable<SocketGroup["owner"]>>, uid = 1000) => {
    const group = socketGroup("close-wait", { count: 100, longestSilentMs: 60_000 });
    const whole = { ...group, owner: { ...group.owner!, ...owner } };
    return CLOSE_WAIT_PILE.find(snapshotOf(whole, { asker: { uid } }))[0]?.advice[1]?.command;
  };
  assert.equal(commandFor({ unit: "api.service" }), "sudo systemctl restart api.service");
  assert.equal(commandFor({ unit: "api.service" }, 0), "systemctl restart api.service");
  assert.equal(commandFor({ unit: "api.service", userManager: 1000 }), "systemctl --user restart api.service");
  assert.equal(commandFor({ uid: 33 }), "sudo kill 812");
  assert.equal(commandFor({ unit: "user@1000.service" }), "kill 812", "not all that this user runs");
  assert.equal(commandFor({ container: { runtime: "docker", id: "f".repeat(64), name: "web" } }), "docker restart web");
});

test("close-wait-pile looks where the sockets are: the command names another network namespace", () => {
  const group = socketGroup("close-wait", { count: 100, longestSilentMs: 60_000 });
  const command = (asker: HealthSnapshot["asker"]) =>
    CLOSE_WAIT_PILE.find(snapshotOf(group, { asker }))[0]?.advice[0]?.command;
  assert.equal(command({ uid: 1000 }), "portmortem ls 'state close-wait and pid = 812'");
  assert.equal(command({ uid: 1000, netns: "web" }), "portmortem ls 'state close-wait and pid = 812' --netns web");
});

test("close-wait-pile says so when nobody was found who holds them", () => {
  const { owner: _owner, ...group } = socketGroup("close-wait", { count: 100, longestSilentMs: 60_000 });
  const [found] = CLOSE_WAIT_PILE.find(snapshotOf({ ...group, ownerless: "no-permission" }));
  assert.equal(found?.title, "a program of another user: 100 connections in CLOSE-WAIT");
  assert.equal(found.advice.length, 1);
});

test("fin-wait-2-held drops those of the most frequent peer only", () => {
  const group = socketGroup("fin-wait-2-held", {
    count: 200,
    longestSilentMs: 700_000,
    peers: [{ address: "fd00::7", port: 80, count: 200 }],
  });
  const [found] = FIN_WAIT_2_HELD.find(snapshotOf(group));
  assert.equal(found?.advice[1]?.command, "portmortem drop 'state fin-wait-2 pid = 812 dst [fd00::7] dport = :80'");
  const [ofUser] = FIN_WAIT_2_HELD.find(snapshotOf(group, { asker: { uid: 1000 } }));
  assert.match(ofUser?.advice[1]?.command ?? "", /^sudo portmortem drop '/);
  assert.equal(found.title, "node (pid 812): 200 half-closed connections in FIN-WAIT-2");
});

test("close-wait-pile warns at once of many that grow while it is watched", () => {
  const look = (count: number, atMs: number) =>
    healthyLook({ atMs, groups: [socketGroup("close-wait", { count, longestSilentMs: 4000 })] });
  const levelAfter = (earlier: number) =>
    CLOSE_WAIT_PILE.find(healthySnapshot({ before: look(earlier, AT - 4000), now: look(190, AT) }))[0]?.level;
  assert.equal(levelAfter(150), "warning");
  assert.equal(levelAfter(181), "info", "nine more are no growth to speak of");
});
