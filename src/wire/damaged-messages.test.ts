import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkPartOf, checkSocket, readBack } from "../../test/oracles/damage.ts";
import { concat, recordedMessages } from "../../test/oracles/diag-messages.ts";
import { MIN_DIAG_MESSAGE_BYTES } from "./inet-diag.ts";
import { LITTLE_ENDIAN, eachAttribute } from "./netlink.ts";
import { decodeTcpInfo, tcpInfoStruct } from "./tcp-info.ts";

const SKIP = {
  skip: LITTLE_ENDIAN ? false : "probed: the byte order of this machine; the recording is of a little-endian one",
};

const RECORDED = (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((name) =>
  recordedMessages(name).map((bytes) => ({ protocol: name.slice(0, 3) as "tcp" | "udp", bytes })),
);
const TCP = RECORDED.filter(({ protocol }) => protocol === "tcp").map(({ bytes }) => bytes);

test("recorded messages are read back whole", SKIP, () => {
  assert.ok(RECORDED.length > 30, `${RECORDED.length} messages`);
  const { sockets, summary } = readBack("tcp", [concat(TCP)]);
  assert.equal(sockets.length, TCP.length);
  assert.deepEqual([summary.malformed, summary.failed], [0, []]);
  const states = new Set(sockets.map(({ state }) => state));
  for (const state of [
    "LISTEN",
    "BOUND",
    "ESTABLISHED",
    "SYN-SENT",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "LAST-ACK",
    "TIME-WAIT",
  ] as const)
    assert.ok(states.has(state), `nobody is in ${state}`);
  for (const socket of sockets) checkSocket(socket);
});

test("a message that was cut in transit is counted and left out, at every byte", SKIP, () => {
  const [good] = TCP;
  for (const { protocol, bytes } of RECORDED) {
    for (let length = 1; length < bytes.length; length++) {
      const { sockets, summary } = readBack(protocol, [concat([good!, bytes.subarray(0, length)])]);
      const whole = isPaddingOnly(bytes, length) ? 2 : 1;
      assert.equal(summary.malformed, 2 - whole, `cut at ${length} of ${bytes.length}`);
      assert.ok(sockets.length <= whole && sockets.length >= 1);
    }
  }
});

/** The header's length, before its padding. */
function isPaddingOnly(bytes: Uint8Array, length: number): boolean {
  return length >= new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, LITTLE_ENDIAN);
}

test("a message that says it is shorter shows a part of the whole, at every length", SKIP, () => {
  for (const { protocol, bytes } of RECORDED) {
    const [whole] = readBack(protocol, [bytes]).sockets;
    for (let length = 16; length < bytes.length; length++) {
      const cut = bytes.slice(0, (length + 3) & ~3);
      new DataView(cut.buffer).setUint32(0, length, LITTLE_ENDIAN);
      const { sockets, summary } = readBack(protocol, [cut]);
      if (length < MIN_DIAG_MESSAGE_BYTES) assert.deepEqual([sockets.length, summary.malformed], [0, 1], `${length}`);
      else {
        assert.deepEqual([sockets.length, summary.malformed], [1, 0], `${length}`);
        checkPartOf(sockets[0]!, whole!, `cut to ${length}`);
      }
    }
  }
});

test("a message with any byte changed gives a socket that could be, or none", SKIP, () => {
  for (const { protocol, bytes } of RECORDED) {
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        // The sequence number is put right on the way: it says whose answer this is.
        if (at >= 8 && at < 12) continue;
        const damaged = bytes.slice();
        damaged[at]! ^= flip;
        const { sockets, summary } = readBack(protocol, [damaged]);
        assert.ok(sockets.length + summary.malformed <= 2, `byte ${at}`);
        for (const socket of sockets) checkSocket(socket);
      }
    }
  }
});

test("pieces of messages in any order end, and give sockets that could be", SKIP, () => {
  const stream = concat(TCP);
  const piece = fc
    .tuple(fc.nat({ max: stream.length }), fc.nat({ max: 2000 }))
    .map(([from, length]) => stream.slice(from, from + length));
  const pieces = fc.array(
    fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...TCP) }, piece, fc.uint8Array({ maxLength: 200 })),
    {
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(pieces, fc.boolean(), (parts, together) => {
      const { sockets } = readBack("tcp", together ? [concat(parts)] : parts.filter((part) => part.length > 0));
      for (const socket of sockets) checkSocket(socket);
    }),
    { numRuns: 2000, includeErrorInReport: true },
  );
});

test("eachAttribute() stays within its bounds whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat({ max: 120 }), (bytes, some) => {
      const end = Math.min(some, bytes.length);
      let last = 0;
      eachAttribute(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, end, (type, from, to) => {
        assert.ok(type <= 0x3fff && from >= last + 4 && from <= to && to <= end);
        last = to;
      });
    }),
    { numRuns: 3000 },
  );
});

test("decodeTcpInfo() takes a struct of any length: what lies wholly in it, and no more", () => {
  const bytes = new Uint8Array(tcpInfoStruct.sizeBytes + 64).map((_, index) => (index * 7 + 1) & 0x3f);
  const view = new DataView(bytes.buffer);
  const whole = decodeTcpInfo(view, 0, tcpInfoStruct.sizeBytes);
  assert.deepEqual(decodeTcpInfo(view, 0, bytes.length), whole, "the tail of a newer kernel's is ignored");
  let before = 0;
  for (let length = 0; length <= tcpInfoStruct.sizeBytes; length++) {
    const info = decodeTcpInfo(view, 0, length);
    checkPartOf(info, whole, `${length} bytes`);
    const count = Object.keys(info).length;
    assert.ok(count >= before);
    before = count;
  }
  assert.equal(decodeTcpInfo(view, 0, 104).totalRetransSegments, whole.totalRetransSegments, "as Linux 2.6 had it");
  assert.equal(decodeTcpInfo(view, 0, 104).pacingRateBytesPerSecond, undefined);
});
