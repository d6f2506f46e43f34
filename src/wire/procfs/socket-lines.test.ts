import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Socket } from "../../tcp/socket.ts";
import { ALL_STATES, maskOf } from "../../tcp/states.ts";
import type { SocketTableKind } from "./socket-line.ts";
import { SocketLines } from "./socket-lines.ts";
import type { WantedSockets } from "./socket-lines.ts";

// Linux 6.18, x86-64, a network namespace of its own with two Node listeners (49200 on 127.0.0.1, 49201 on ::), a connection that the server
// closed first, a client with keepalive that came to 49201 over IPv4, and three UDP sockets. Trailing spaces removed.
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:C030 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 492581 1 00000000427e2b16 100 0 0 10 0
   1: 0100007F:C030 0100007F:B69C 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 00000000f112f709
   2: 0100007F:D21A 0100007F:C031 01 00000000:00000000 02:0000176F 00000000     0        0 492585 3 0000000017c81774 20 0 0 10 -1
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:C031 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 492582 1 00000000b0f4d6aa 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:C031 0000000000000000FFFF00000100007F:D21A 01 00000000:00000000 00:00000000 00000000     0        0 492586 1 0000000077eb35cf 20 0 0 10 -1
`;
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 2847: 0100007F:C032 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 492587 2 00000000e0043674 0
12689: 0100007F:E6A4 0100007F:C032 01 00000000:00000000 00:00000000 00000000     0        0 492588 2 0000000063e8d7f9 0
`;
// Made by hand after get_tcp4_sock(): a full accept queue, a retransmission, a zero window, an orphan, a request socket of uid 1000.
const HARD = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000  1000        0 700 1 0000000000000001 100 0 0 10 0
   1: 0100007F:1F90 0200007F:0001 01 0000FFFF:00000010 01:00000014 00000003  1000        0 701 2 0000000000000002 20 4 30 10 -1
   2: 0100007F:1F90 0200007F:0002 01 FFFFFFFF:00000000 04:00000100 00000000  1000        7 702 2 0000000000000003 20 4 30 10 -1
   3: 0100007F:1F90 0200007F:0003 04 00000001:00000000 01:00000014 00000000     0        0 0 1 0000000000000004 20 4 30 10 -1
   4: 0100007F:1F90 0200007F:0004 03 00000000:00000000 01:00000064 00000001  1000        0 0 0 0000000000000005
`;

const IPV4: SocketTableKind = { protocol: "tcp", family: "ipv4", littleEndian: true };
const IPV6: SocketTableKind = { protocol: "tcp", family: "ipv6", littleEndian: true };
const UDP4: SocketTableKind = { protocol: "udp", family: "ipv4", littleEndian: true };

function parse(text: string | Uint8Array, kind: SocketTableKind, wanted: WantedSockets = { states: ALL_STATES }) {
  const lines = new SocketLines(kind, wanted);
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  lines.scan(bytes, bytes.length, { last: true });
  const sockets: Socket[] = [];
  for (let index = 0; index < lines.length; index++) {
    const socket = lines.socketAt(index);
    assert.equal(lines.stateAt(index), socket.state);
    sockets.push(socket);
  }
  return { sockets, malformed: lines.malformed };
}

test("SocketLines reads a listener, a TIME-WAIT and a client with keepalive", () => {
  const noQueue = { receiveBytes: 0, sendBytes: 0 };
  assert.deepEqual(parse(TCP, IPV4), {
    malformed: 0,
    sockets: [
      {
        protocol: "tcp",
        family: "ipv4",
        state: "LISTEN",
        local: { address: "127.0.0.1", port: 49200 },
        queues: { accepting: 0 },
        uid: 0,
        inode: 492581,
      },
      {
        protocol: "tcp",
        family: "ipv4",
        state: "TIME-WAIT",
        local: { address: "127.0.0.1", port: 49200 },
        remote: { address: "127.0.0.1", port: 46748 },
        queues: noQueue,
        timer: { kind: "time-wait", remainingMs: 59_990, retransmits: 0 },
      },
      {
        protocol: "tcp",
        family: "ipv4",
        state: "ESTABLISHED",
        local: { address: "127.0.0.1", port: 53786 },
        remote: { address: "127.0.0.1", port: 49201 },
        queues: noQueue,
        timer: { kind: "keepalive", remainingMs: 59_990, retransmits: 0 },
        uid: 0,
        inode: 492585,
      },
    ],
  });
});

test("SocketLines keeps an IPv4 connection to an IPv6 listener as the kernel has it", () => {
  const { sockets } = parse(TCP6, IPV6);
  assert.deepEqual(sockets[0]?.local, { address: "::", port: 49201 });
  assert.equal(sockets[0]?.remote, undefined);
  assert.deepEqual(
    [sockets[1]?.family, sockets[1]?.local.address, sockets[1]?.remote],
    ["ipv6", "::ffff:127.0.0.1", { address: "::ffff:127.0.0.1", port: 53786 }],
  );
});

test("SocketLines calls an unconnected UDP socket BOUND and a connected one ESTABLISHED", () => {
  const { sockets } = parse(UDP, UDP4);
  assert.deepEqual(
    sockets.map(({ state, remote }) => [state, remote?.port]),
    [
      ["BOUND", undefined],
      ["ESTABLISHED", 49202],
    ],
  );
});

test("SocketLines tells queues, timers and owners apart", () => {
  const { sockets } = parse(HARD, IPV4);
  assert.deepEqual(sockets[0]?.queues, { accepting: 5 });
  assert.deepEqual(sockets[1]?.queues, { receiveBytes: 16, sendBytes: 65_535 });
  assert.deepEqual(sockets[1]?.timer, { kind: "retransmit", remainingMs: 200, retransmits: 3 });
  assert.deepEqual(sockets[2]?.timer, { kind: "zero-window-probe", remainingMs: 2560, retransmits: 7 });
  assert.deepEqual(sockets[2]?.queues, { receiveBytes: 0, sendBytes: 0xffff_ffff });
  assert.deepEqual(
    [sockets[3]?.state, sockets[3]?.uid, sockets[3]?.inode],
    ["FIN-WAIT-1", undefined, undefined],
    "an orphan is not root's",
  );
  assert.deepEqual([sockets[4]?.state, sockets[4]?.uid, sockets[4]?.inode], ["SYN-RECEIVED", 1000, undefined]);
});

test("SocketLines reads a big-endian host's table", () => {
  const big = TCP.replaceAll("0100007F", "7F000001");
  assert.deepEqual(parse(big, { ...IPV4, littleEndian: false }), parse(TCP, IPV4));
  const big6 = TCP6.replaceAll("FFFF0000", "0000FFFF").replaceAll("0100007F", "7F000001");
  assert.deepEqual(parse(big6, { ...IPV6, littleEndian: false }), parse(TCP6, IPV6));
});

test("SocketLines selects states and ports", () => {
  assert.deepEqual(parse(TCP, IPV4, { states: maskOf("LISTEN", "TIME-WAIT") }).sockets.length, 2);
  assert.deepEqual(parse(TCP, IPV4, { states: ALL_STATES, localPort: 49200 }).sockets.length, 2);
  assert.deepEqual(
    parse(TCP, IPV4, { states: ALL_STATES, remotePort: 49201 }).sockets.map((each) => each.state),
    ["ESTABLISHED"],
  );
});

test("SocketLines leaves out a line that comes again after more were added, but not two listeners of one port", () => {
  const [header, , timeWait] = TCP.split("\n");
  const again = timeWait!.replace("   1:", "   2:").replace("0000176F", "0000176E");
  assert.equal(parse(`${header}\n${timeWait}\n${again}\n`, IPV4).sockets.length, 1);
  const listener = TCP.split("\n")[1]!;
  assert.equal(parse(`${header}\n${listener}\n${listener.replace("492581", "492599")}\n`, IPV4).sockets.length, 2);
});

test("SocketLines gives the same sockets however the file is cut into pieces", () => {
  const bytes = new TextEncoder().encode(HARD);
  const whole = parse(HARD, IPV4).sockets;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
      const lines = new SocketLines(IPV4, { states: ALL_STATES });
      const buffer = new Uint8Array(4096);
      const sockets: Socket[] = [];
      let filled = 0;
      let read = 0;
      for (let turn = 0; read < bytes.length; turn++) {
        const piece = bytes.subarray(read, read + sizes[turn % sizes.length]!);
        read += piece.length;
        buffer.set(piece, filled);
        filled += piece.length;
        const taken = lines.scan(buffer, filled, { last: read >= bytes.length });
        for (let index = 0; index < lines.length; index++) sockets.push(lines.socketAt(index));
        buffer.copyWithin(0, taken, filled);
        filled -= taken;
      }
      assert.deepEqual(sockets, whole);
      assert.equal(lines.malformed, 0);
    }),
  );
});

test("SocketLines counts a line that is cut at any place, and never reads a shorter number from it", () => {
  for (const [text, kind] of [
    [HARD, IPV4],
    [TCP6, IPV6],
    [UDP, UDP4],
  ] as const) {
    const [header, ...rest] = text.trimEnd().split("\n");
    for (const line of rest) {
      const whole = parse(`${header}\n${line}\n`, kind).sockets[0];
      assert.ok(whole !== undefined);
      for (let length = 1; length < line.length; length++) {
        const { sockets, malformed } = parse(`${header}\n${line.slice(0, length)}\n`, kind);
        assert.equal(sockets.length + malformed, 1);
        if (sockets[0] !== undefined) assert.deepEqual(sockets[0], whole, `cut at ${length}`);
        assert.deepEqual(
          parse(`${header}\n${line.slice(0, length)}`, kind),
          { sockets: [], malformed: 1 },
          "no line break: cut",
        );
      }
    }
  }
});

test("SocketLines counts a line that lacks a byte of a column with a fixed width", () => {
  const [header, line] = HARD.split("\n");
  for (let at = line!.indexOf(":") + 2; at < line!.indexOf("  1000"); at++) {
    const damaged = line!.slice(0, at) + line!.slice(at + 1);
    assert.deepEqual(parse(`${header}\n${damaged}\n`, IPV4), { sockets: [], malformed: 1 }, `without byte ${at}`);
  }
});

test("SocketLines survives flipped bytes, and what it then reads is still in range", () => {
  const bytes = new TextEncoder().encode(HARD);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (flips) => {
      const damaged = bytes.slice();
      for (const [at, value] of flips) damaged[at] = value;
      for (const socket of parse(damaged, IPV4).sockets) {
        assert.ok(socket.local.port >= 0 && socket.local.port <= 65_535);
        assert.match(socket.local.address, /^\d+\.\d+\.\d+\.\d+$/);
        assert.ok(socket.inode === undefined || Number.isSafeInteger(socket.inode));
        assert.ok(socket.uid === undefined || socket.uid <= 0xffff_ffff);
        assert.ok(socket.timer === undefined || Number.isSafeInteger(socket.timer.remainingMs));
      }
    }),
    { numRuns: 2000 },
  );
});

test("SocketLines survives any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.constantFrom(IPV4, IPV6, UDP4), (bytes, kind) => {
      parse(bytes, kind);
    }),
  );
});
