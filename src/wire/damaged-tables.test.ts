import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkSocket, readBack } from "../../test/oracles/damage.ts";
import { recordedMessages, recordedTable } from "../../test/oracles/diag-messages.ts";
import type { Socket } from "../tcp/socket.ts";
import { ALL_STATES } from "../tcp/states.ts";
import { LITTLE_ENDIAN } from "./netlink.ts";
import { SocketLines } from "./procfs/socket-lines.ts";

const TABLES = ["tcp", "tcp6", "udp", "udp6"] as const;
type Table = (typeof TABLES)[number];

function readTable(name: Table, bytes: Uint8Array): { readonly sockets: Socket[]; readonly malformed: number } {
  const lines = new SocketLines(
    {
      protocol: name.startsWith("tcp") ? "tcp" : "udp",
      family: name.endsWith("6") ? "ipv6" : "ipv4",
      littleEndian: true,
    },
    { states: ALL_STATES },
  );
  assert.equal(lines.scan(bytes, bytes.length, { last: true }), bytes.length);
  return {
    sockets: Array.from({ length: lines.length }, (_, index) => lines.socketAt(index)),
    malformed: lines.malformed,
  };
}

function linesOf(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + Number(byte === 0x0a), 0) - 1;
}

for (const name of TABLES) {
  const table = recordedTable(name);
  const whole = readTable(name, table);

  test(`/proc/net/${name}: every recorded line is a socket`, () => {
    assert.equal(whole.sockets.length, linesOf(table));
    assert.equal(whole.malformed, 0);
    for (const socket of whole.sockets) checkSocket(socket);
  });

  const few = oneOfEachState(name, table);
  const wholeFew = readTable(name, few);

  test(`/proc/net/${name}: a table that was cut shows its whole lines, and counts the cut one`, () => {
    for (let length = 0; length < few.length; length++) {
      const { sockets, malformed } = readTable(name, few.subarray(0, length));
      assert.deepEqual(sockets, wholeFew.sockets.slice(0, sockets.length));
      assert.equal(sockets.length, Math.max(0, linesOf(few.subarray(0, length))));
      assert.equal(malformed, length === 0 || few[length - 1] === 0x0a ? 0 : 1, `cut at ${length}`);
    }
  });

  test(`/proc/net/${name}: a changed byte changes its own line only`, () => {
    const damaged = few.slice();
    for (let at = few.indexOf(0x0a) + 1; at < few.length; at++) {
      const line = linesOf(few.subarray(0, at));
      for (const byte of [0x20, 0x30, 0x46, 0x67, 0xff]) {
        damaged[at] = byte;
        const { sockets, malformed } = readTable(name, damaged);
        for (const socket of sockets) checkSocket(socket);
        assert.deepEqual(sockets.slice(0, line), wholeFew.sockets.slice(0, line));
        if (few[at] !== 0x0a)
          assert.deepEqual(
            sockets.slice(line + 1 - malformed),
            wholeFew.sockets.slice(line + 1),
            `byte ${at} as ${byte}`,
          );
      }
      damaged[at] = few[at]!;
    }
  });

  test(`/proc/net/${name}: the bytes may come in pieces of any size`, () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
        assert.deepEqual(readInPieces(name, table, sizes), whole.sockets);
      }),
      { numRuns: 200 },
    );
  });
}

/** The header, and one line of each state. */
function oneOfEachState(name: Table, table: Uint8Array): Uint8Array {
  const [header = "", ...lines] = new TextDecoder().decode(table).trimEnd().split("\n");
  const states = readTable(name, table).sockets.map(({ state }) => state);
  const first = lines.filter((_, index) => states.indexOf(states[index]!) === index);
  return new TextEncoder().encode(`${[header, ...first].join("\n")}\n`);
}

function readInPieces(name: Table, table: Uint8Array, sizes: readonly number[]): Socket[] {
  const lines = new SocketLines(
    {
      protocol: name.startsWith("tcp") ? "tcp" : "udp",
      family: name.endsWith("6") ? "ipv6" : "ipv4",
      littleEndian: true,
    },
    { states: ALL_STATES },
  );
  const sockets: Socket[] = [];
  let rest = new Uint8Array(0);
  for (let at = 0, turn = 0; at < table.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    const bytes = new Uint8Array([...rest, ...table.subarray(at, at + size)]);
    at += size;
    const taken = lines.scan(bytes, bytes.length, { last: at >= table.length });
    for (let index = 0; index < lines.length; index++) sockets.push(lines.socketAt(index));
    rest = bytes.slice(taken);
  }
  return sockets;
}

test(
  "sock_diag and /proc/net say the same of the same sockets",
  { skip: LITTLE_ENDIAN ? false : "the recording is little-endian" },
  () => {
    const key = ({ local, remote }: Socket): string => JSON.stringify([local.address, local.port, remote]);
    for (const name of TABLES) {
      const byKey = new Map(readTable(name, recordedTable(name)).sockets.map((socket) => [key(socket), socket]));
      const { sockets } = readBack(name.startsWith("tcp") ? "tcp" : "udp", recordedMessages(name));
      let compared = 0;
      for (const socket of sockets) {
        const line = byKey.get(key(socket));
        if (line === undefined || socket.state === "BOUND") continue;
        compared++;
        assert.deepEqual(
          [line.state, line.uid, line.inode, line.timer?.kind],
          [socket.state, socket.uid, socket.inode, socket.timer?.kind],
          key(socket),
        );
        if (socket.state !== "LISTEN") assert.deepEqual(line.queues, socket.queues);
      }
      assert.ok(name.startsWith("udp") || compared > 10, `${name}: ${compared} compared`);
    }
  },
);
