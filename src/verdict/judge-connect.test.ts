import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ConnectSnapshot, PortFacts } from "../tcp/connect-snapshot.ts";
import type { Socket } from "../tcp/socket.ts";
import { dense, maybe } from "../../test/contracts/random-sockets.ts";
import { judgeConnect } from "./judge-connect.ts";

const FIRST = 40_000;

/** Ordinary objects, as JSON makes them, without the keys whose value is undefined. */
function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K] | undefined> }): fc.Arbitrary<T> {
  const parts: Record<string, fc.Arbitrary<unknown>> = model;
  const whole = fc.record(parts, { noNullPrototype: true });
  return whole.map((one) => dense<object>(one) as T);
}

const range = (least: number, most: number) =>
  record<{ first: number; last: number }>({ first: fc.constant(FIRST), last: fc.integer({ min: least, max: most }) });

const facts: fc.Arbitrary<PortFacts> = record<PortFacts>({
  port: fc.integer({ min: FIRST - 2, max: FIRST + 22 }),
  toPeer: maybe(
    record<NonNullable<PortFacts["toPeer"]>>({
      state: fc.constantFrom("ESTABLISHED", "TIME-WAIT", "FIN-WAIT-2", "SYN-SENT", "CLOSE-WAIT"),
      endsInMs: maybe(fc.integer({ min: 0, max: 60_000 })),
    }),
  ),
  explicit: fc.boolean(),
  doubtful: fc.boolean(),
  overlap: fc.constantFrom("no", "perhaps", "yes"),
  listens: fc.boolean(),
});

const holder: Socket = { protocol: "tcp", family: "ipv4", state: "BOUND", local: { address: "0.0.0.0", port: FIRST } };

const holders = fc.constantFrom<ConnectSnapshot["holders"]>([], [{ socket: holder, ports: 3 }]);

const snapshots: fc.Arbitrary<ConnectSnapshot> = record<ConnectSnapshot>({
  question: record<ConnectSnapshot["question"]>({
    remote: fc.constantFrom({ address: "127.0.0.1", port: 80 }, { address: "10.0.0.5", port: 5432 }),
    name: maybe(fc.constant("db.example")),
    otherAddresses: maybe(fc.constant(["10.0.0.6"])),
    address: maybe(fc.constantFrom("127.0.0.1", "10.0.0.9")),
    ports: maybe(range(FIRST, FIRST + 3)),
    reuseAddr: fc.boolean(),
  }),
  source: fc.constantFrom<ConnectSnapshot["source"]>(
    { address: "10.0.0.9" },
    { address: "127.0.0.1" },
    { unknown: true },
    { errno: "ENETUNREACH", step: "connect" },
  ),
  inForce: maybe(
    record<NonNullable<ConnectSnapshot["inForce"]>>({
      choice: fc.constantFrom("connect", "bind"),
      range: range(FIRST, FIRST + 20),
    }),
  ),
  ports: fc
    .uniqueArray(facts, { selector: ({ port }) => port, maxLength: 20 })
    .map((ports) => ports.sort((a, b) => a.port - b.port)),
  binds: fc.constantFrom<ConnectSnapshot["binds"]>(
    [],
    [
      { reuseAddr: false, result: "EADDRINUSE" },
      { reuseAddr: true, result: "ok" },
    ],
  ),
  holders,
  connectedHolders: holders,
  peerHolders: holders,
  settings: record<ConnectSnapshot["settings"]>({
    kernelRelease: fc.constantFrom("5.10.0", "6.12.0", "6.18.0"),
    localPortRange: maybe(range(FIRST, FIRST + 20)),
    reservedPorts: maybe(fc.constantFrom("", "40001,40003-40005", "nonsense")),
    timeWaitReuse: maybe(fc.constantFrom(0, 1, 2)),
    timeWaitReuseDelayMs: maybe(fc.constantFrom(0, 1000, 70_000)),
    timestamps: maybe(fc.boolean()),
    finTimeoutMs: maybe(fc.constantFrom(5000, 60_000, 120_000)),
    unprivilegedPortStart: maybe(fc.constantFrom(1024, FIRST + 4)),
    mayBindPrivileged: maybe(fc.boolean()),
    localAddresses: fc.constantFrom([], ["127.0.0.1", "::1"]),
    rootPrefix: fc.constantFrom("", "sudo "),
    asker: fc.constantFrom({ uid: 0 }, { uid: 1000 }),
  }),
  incomplete: fc.constant([]),
});

function always(claim: (snapshot: ConnectSnapshot) => void): void {
  fc.assert(fc.property(snapshots, claim), { numRuns: 800 });
}

test("judgeConnect() puts every port of the range into exactly one class", () => {
  always((snapshot) => {
    const { ports } = judgeConnect(snapshot);
    if (ports === undefined) return;
    const { total, usable, ...classes } = ports;
    const { first, last } = snapshot.inForce!.range;
    assert.equal(total, last - first + 1);
    assert.equal(
      Object.values(classes).reduce((sum, count) => sum + count, 0),
      total,
    );
    assert.equal(usable, ports.free + ports.shared + ports.reusable);
  });
});

test("judgeConnect() gives the same answer to a snapshot that was written down, and an answer that survives JSON", () => {
  always((snapshot) => {
    const answer = judgeConnect(snapshot);
    assert.deepStrictEqual(judgeConnect(JSON.parse(JSON.stringify(snapshot)) as ConnectSnapshot), answer);
    assert.deepStrictEqual(JSON.parse(JSON.stringify(answer)), answer);
  });
});

test("judgeConnect() says connectable only where a port can be had, and an errno only where it cannot", () => {
  always((snapshot) => {
    const { connectable, errno, step, level, ports } = judgeConnect(snapshot);
    if (connectable === true) assert.ok(ports!.usable > 0);
    if (connectable === false) assert.ok(ports === undefined || ports.usable + ports.undetermined === 0);
    assert.equal(errno === undefined, step === undefined);
    if (errno !== undefined) assert.equal(connectable, false);
    if (level === "none") assert.equal(connectable, false);
    if (ports === undefined && connectable === undefined) assert.equal(snapshot.inForce, undefined);
  });
});

test("judgeConnect() names no moment beyond 60 s, and the next not after the last", () => {
  always((snapshot) => {
    const { nextInMs, lastInMs } = judgeConnect(snapshot).timeWait;
    assert.equal(nextInMs === undefined, lastInMs === undefined);
    if (nextInMs !== undefined) assert.ok(nextInMs >= 0 && nextInMs <= lastInMs! && lastInMs! <= 60_000);
  });
});

test("judgeConnect() promises no fewer connections a second by a remedy that lifts a limit", () => {
  always((snapshot) => {
    const { perSecond, advice } = judgeConnect(snapshot);
    if (perSecond === undefined) return;
    for (const remedy of advice)
      if (remedy.perSecond !== undefined && (snapshot.settings.timeWaitReuseDelayMs ?? 0) <= 60_000)
        assert.ok(remedy.perSecond >= perSecond, `${remedy.text}: ${remedy.perSecond}, now ${perSecond}`);
  });
});

/** 28 232 ports, all in TIME-WAIT to one peer that is not of this machine. */
function exhausted(settings: Partial<ConnectSnapshot["settings"]>, endsInMs: number): ConnectSnapshot {
  const all = { first: 32_768, last: 60_999 };
  return {
    question: { remote: { address: "10.0.0.5", port: 5432 }, reuseAddr: false },
    source: { address: "10.0.0.9" },
    inForce: { choice: "connect", range: all },
    ports: Array.from({ length: 28_232 }, (_, index) => ({
      port: 32_768 + index,
      toPeer: { state: "TIME-WAIT" as const, endsInMs },
      explicit: false,
      doubtful: false,
      overlap: "yes" as const,
      listens: false,
    })),
    binds: [],
    holders: [],
    connectedHolders: [],
    peerHolders: [],
    settings: {
      kernelRelease: "6.18.0",
      localPortRange: all,
      reservedPorts: "",
      timeWaitReuse: 2,
      timeWaitReuseDelayMs: 1000,
      timestamps: true,
      localAddresses: [],
      rootPrefix: "sudo ",
      asker: { uid: 1000 },
      ...settings,
    },
    incomplete: [],
  };
}

test("judgeConnect() reckons what the default range bears: 470 a second, and 28 232 with tcp_tw_reuse=1", () => {
  const answer = judgeConnect(exhausted({}, 30_000));
  assert.equal(answer.connectable, false);
  assert.deepEqual([answer.errno, answer.step, answer.level], ["EADDRNOTAVAIL", "connect", "none"]);
  assert.equal(answer.perSecond, 470);
  assert.equal(answer.timeWait.nextInMs, 30_000);
  const reuse = answer.advice.find(({ command }) => command?.includes("tcp_tw_reuse"));
  assert.equal(reuse?.command, "sudo sysctl -w net.ipv4.tcp_tw_reuse=1");
  assert.equal(reuse.perSecond, 28_232);
  const wider = answer.advice.find(({ command }) => command?.includes("ip_local_port_range"));
  assert.equal(wider?.command, 'sudo sysctl -w net.ipv4.ip_local_port_range="10240 65535"');
  assert.equal(wider.perSecond, 921);
});

for (const [what, settings, endsInMs, usable, nextInMs] of [
  ["mode 1, older than the delay", { timeWaitReuse: 1 }, 58_999, 28_232, undefined],
  ["mode 1, exactly the delay old", { timeWaitReuse: 1 }, 59_000, 0, 1],
  ["mode 1, younger", { timeWaitReuse: 1 }, 59_500, 0, 501],
  ["mode 1 without timestamps", { timeWaitReuse: 1, timestamps: false }, 30_000, 0, 30_000],
  ["mode 2 to another machine", { timeWaitReuse: 2 }, 30_000, 0, 30_000],
  ["mode 0", { timeWaitReuse: 0 }, 30_000, 0, 30_000],
] as const)
  test(`judgeConnect() counts what tcp_tw_reuse gives back: ${what}`, () => {
    const { ports, timeWait } = judgeConnect(exhausted(settings, endsInMs));
    assert.equal(ports?.usable, usable);
    assert.equal(timeWait.nextInMs, nextInMs);
  });
