import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { randomSocket } from "../../test/contracts/random-sockets.ts";
import type { Socket } from "../tcp/socket.ts";
import { socketJson } from "./socket-json.ts";

const plain = {
  protocol: "tcp",
  family: "ipv4",
  state: "TIME-WAIT",
  local: { address: "127.0.0.1", port: 8080 },
  remote: { address: "127.0.0.1", port: 40_001 },
  queues: { receiveBytes: 0, sendBytes: 0 },
  timer: { kind: "time-wait", remainingMs: 59_210, retransmits: 0 },
  cookie: "0x0000000000001000",
  netns: 4_026_531_840,
} as const satisfies Socket;

test("socketJson() writes what JSON.stringify writes, key by key", () => {
  fc.assert(
    fc.property(randomSocket(), (socket) => {
      const text = socketJson(socket);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(socket)));
      const keys = (json: string) => JSON.stringify(Object.keys(JSON.parse(json) as object));
      assert.equal(keys(text), keys(JSON.stringify(socket)));
    }),
    { numRuns: 2000 },
  );
});

test("socketJson() writes the common kinds of sockets to the letter as JSON.stringify does", () => {
  const { remote: _remote, timer: _timer, ...rest } = plain;
  const listening: Socket = { ...rest, state: "LISTEN", queues: { accepting: 3, backlog: 511 }, uid: 0, inode: 7 };
  const { cookie: _cookie, netns: _netns, ...byProcfs } = plain;
  for (const socket of [plain, byProcfs, { ...rest, queues: { accepting: 0 } } satisfies Socket])
    assert.equal(socketJson(socket), JSON.stringify(socket));
  assert.deepEqual(JSON.parse(socketJson(listening)), listening);
});

/** One value of each field that a socket can have: a field that the quick way forgets is lost. */
const MORE: Required<Omit<Socket, keyof typeof plain>> = {
  uid: 0,
  inode: 1,
  v6only: false,
  mark: 0,
  cgroup: "/a",
  cgroupId: 5,
  owners: [],
  ownerless: "kernel",
  info: {},
  memory: {
    receiveAllocBytes: 0,
    receiveBufferBytes: 0,
    sendAllocBytes: 0,
    sendBufferBytes: 0,
    forwardAllocBytes: 0,
    sendQueuedBytes: 0,
    optionBytes: 0,
  },
  congestion: "cubic",
  ulp: "tls",
  options: [],
  shutdown: 0,
};

for (const [field, value] of Object.entries(MORE))
  test(`socketJson() does not lose ${field}, be it empty or zero`, () => {
    const socket = { ...plain, [field]: value } as Socket;
    assert.deepEqual(JSON.parse(socketJson(socket)), socket);
  });

test("socketJson() escapes a device's name, which comes from outside", () => {
  const socket: Socket = { ...plain, local: { ...plain.local, interface: 'e"\u001b' } };
  assert.deepEqual(JSON.parse(socketJson(socket)), socket);
  assert.doesNotMatch(socketJson(socket), /\u001b/);
});
