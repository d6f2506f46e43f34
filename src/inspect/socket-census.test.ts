import assert from "node:assert/strict";
import { test } from "node:test";
import { connection, timeWait } from "../testing/builders.ts";
import type { ConnectionOptions } from "../testing/builders.ts";
import { createSocketRow, fillRow, socketOfRow } from "../tcp/socket-row.ts";
import type { Socket } from "../tcp/socket.ts";
import { SocketCensus } from "./socket-census.ts";

const HOUR_MS = 3_600_000;
const HERE = "10.0.0.1";
const LISTENER: Socket = {
  protocol: "tcp",
  family: "ipv6",
  state: "LISTEN",
  local: { address: "::", port: 80 },
  v6only: false,
};

function censusOf(...sockets: Socket[]): SocketCensus {
  const census = new SocketCensus(new Set([80]), new Set([HERE, "10.0.0.2"]));
  const row = createSocketRow("tcp");
  row.activity = { lastDataReceivedMs: undefined, lastAckReceivedMs: undefined };
  for (const socket of sockets) census.add(row, fillRow(row, socket));
  return census;
}

const held = (more: Partial<Socket> = {}, ends: Partial<ConnectionOptions> = {}): Socket => ({
  ...connection({ local: `${HERE}:40000`, remote: "10.0.0.7:5432", ...ends }),
  inode: 101,
  ...more,
});
const silent = (ms: number): Partial<Socket> => ({ info: { lastDataReceivedMs: ms, lastAckReceivedMs: ms + 5 } });
const kinds = (...sockets: Socket[]): string[] => censusOf(...sockets).suspects.map(({ kind }) => kind);

test("SocketCensus counts states, and TIME-WAIT by port and peer", () => {
  const census = censusOf(
    ...[1, 2, 3].map((port) => timeWait({ port: 80, address: HERE, peer: `10.0.0.9:${port}` })),
    timeWait({ port: 40_000, address: HERE, peer: "10.0.0.7:5432" }),
    timeWait({ port: 40_001, address: "10.0.0.2", peer: "10.0.0.7:5432" }),
    held(),
  );
  assert.deepEqual(census.states, { "TIME-WAIT": 5, ESTABLISHED: 1 });
  assert.deepEqual(census.timeWait(), {
    total: 5,
    byLocalPort: [
      { port: 80, count: 3, listening: true, clients: [{ address: "10.0.0.9", count: 3 }] },
      { port: 40_000, count: 1, listening: false, clients: [] },
      { port: 40_001, count: 1, listening: false, clients: [] },
    ],
    byPeer: [{ address: "10.0.0.7", port: 5432, count: 2 }],
  });
  assert.deepEqual(census.destinations(), [
    { localAddress: HERE, remote: { address: "10.0.0.7", port: 5432 }, open: 1, timeWait: 1 },
    { localAddress: "10.0.0.2", remote: { address: "10.0.0.7", port: 5432 }, open: 0, timeWait: 1 },
  ]);
});

test("SocketCensus takes an IPv4 connection of an IPv6 socket for the same destination", () => {
  const census = censusOf(held(), held({}, { local: `[::ffff:${HERE}]:40001`, remote: "[::ffff:10.0.0.7]:5432" }));
  assert.deepEqual(census.destinations(), [
    { localAddress: HERE, remote: { address: "10.0.0.7", port: 5432 }, open: 2, timeWait: 0 },
  ]);
});

test("SocketCensus suspects closings that somebody holds, and last words that nobody hears", () => {
  const bare = (state: Socket["state"]): Socket => {
    const { inode: _inode, ...rest } = held({ state });
    return rest;
  };
  assert.deepEqual(kinds(held({ state: "CLOSE-WAIT" }), held({ state: "FIN-WAIT-2" })), [
    "close-wait",
    "fin-wait-2-held",
  ]);
  assert.deepEqual(kinds(bare("FIN-WAIT-1"), bare("LAST-ACK"), bare("CLOSING")), ["orphan", "orphan", "orphan"]);
  assert.deepEqual(kinds(bare("CLOSE-WAIT"), bare("FIN-WAIT-2"), held({ state: "FIN-WAIT-1" })), []);
});

test("SocketCensus suspects a connection that nothing would notice, after an hour of silence", () => {
  const keepalive = (remainingMs: number): Partial<Socket> => ({
    timer: { kind: "keepalive", remainingMs, retransmits: 0 },
  });
  assert.deepEqual(kinds(held(silent(HOUR_MS))), ["no-keepalive"]);
  assert.deepEqual(kinds(held(silent(HOUR_MS - 1))), [], "not yet an hour");
  assert.deepEqual(kinds(held()), [], "nobody knows how long");
  assert.deepEqual(kinds(held({ ...silent(HOUR_MS), ...keepalive(60_000) })), [], "keepalive will notice");
  assert.deepEqual(
    kinds(held({ ...silent(HOUR_MS), queues: { receiveBytes: 0, sendBytes: 1 } })),
    [],
    "so will retransmits",
  );
  assert.deepEqual(kinds(held({ ...silent(0), ...keepalive(2 * HOUR_MS) })), [], "as the kernel has it");
  assert.deepEqual(kinds(held({ ...silent(0), ...keepalive(3 * HOUR_MS) })), ["slow-keepalive"]);
  assert.deepEqual(
    kinds(held({ ...silent(2 * HOUR_MS), ...keepalive(HOUR_MS) })),
    ["slow-keepalive"],
    "three hours were set, and two of them are over",
  );
  assert.deepEqual(kinds(held({ ...silent(HOUR_MS), ...keepalive(HOUR_MS) })), [], "two hours, of which one is over");
  const probing = { timer: { kind: "keepalive", remainingMs: 75_000, retransmits: 1 } } as const;
  assert.deepEqual(kinds(held({ ...silent(2 * HOUR_MS), ...probing })), [], "probes are under way");
});

test("SocketCensus counts no port as taken that connect() would not have taken; its TIME-WAIT has a peer all the same", () => {
  const census = new SocketCensus(new Set([80]), new Set([HERE]), { first: 40_000, last: 40_999 });
  const row = createSocketRow("tcp");
  for (const port of [39_999, 40_000, 40_999, 41_000]) {
    for (const socket of [
      timeWait({ port, address: HERE, peer: "10.0.0.7:5432" }),
      held({}, { local: `${HERE}:${port}` }),
      held({}, { local: `${HERE}:${port}`, remote: "10.0.0.8:443" }),
    ])
      census.add(row, fillRow(row, socket));
  }
  assert.deepEqual(census.destinations(), [
    { localAddress: HERE, remote: { address: "10.0.0.7", port: 5432 }, open: 2, timeWait: 2 },
    { localAddress: HERE, remote: { address: "10.0.0.8", port: 443 }, open: 2, timeWait: 0 },
  ]);
  assert.deepEqual(census.timeWait().byPeer, [{ address: "10.0.0.7", port: 5432, count: 4 }]);
});

test("SocketCensus suspects no connection whose both ends are on this machine", () => {
  for (const remote of ["127.0.0.1:5432", "10.0.0.2:5432", `[::ffff:${HERE}]:5432`])
    assert.deepEqual(kinds(held(silent(HOUR_MS), { remote })), [], remote);
});

test("SocketCensus tells how long the oldest connection waits to be accepted, by the address that it came to", () => {
  const { inode: _inode, ...waiting } = held(silent(9000), { local: `${HERE}:80`, remote: "10.0.0.9:40000" });
  const census = censusOf(waiting, { ...waiting, ...silent(3000) }, held(silent(50_000), { local: `${HERE}:80` }));
  assert.equal(census.oldestWaitingMs(LISTENER), 9000);
  assert.equal(census.oldestWaitingMs({ ...LISTENER, local: { address: "0.0.0.0", port: 80 } }), 9000);
  assert.equal(census.oldestWaitingMs({ ...LISTENER, local: { address: HERE, port: 80 } }), 9000);
  assert.equal(census.oldestWaitingMs({ ...LISTENER, v6only: true }), undefined);
  assert.equal(census.oldestWaitingMs({ ...LISTENER, local: { address: "10.0.0.2", port: 80 } }), undefined);
  assert.equal(census.oldestWaitingMs({ ...LISTENER, local: { address: "::", port: 81 } }), undefined);
});

test("SocketCensus keeps fifty thousand suspects, and counts the rest", () => {
  const row = createSocketRow("tcp");
  fillRow(row, held({ state: "CLOSE-WAIT" }));
  const census = new SocketCensus(new Set(), new Set());
  for (let count = 0; count < 50_010; count++) census.add(row);
  assert.equal(census.suspects.length, 50_000);
  assert.deepEqual([...census.uncounted], [["close-wait", 10]]);
  assert.equal(census.total, 50_010);
});

test("fillRow() is the other way of socketOfRow()", () => {
  const socket = held({
    cookie: "0x000000120003cc13",
    uid: 1000,
    queues: { receiveBytes: 3, sendBytes: 4 },
    timer: { kind: "retransmit", remainingMs: 200, retransmits: 2 },
    netns: 4_026_531_840,
  });
  const { reuseAddr: _reuseAddr, reusePort: _reusePort, ...shown } = socket as Socket & Record<string, unknown>;
  const row = createSocketRow("udp");
  fillRow(row, socket);
  assert.deepEqual(socketOfRow(row), shown);
});
