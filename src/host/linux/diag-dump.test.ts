import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeNetlink } from "../../../test/oracles/diag-messages.ts";
import { concat, fakeNetlink, message, recordedMessages, withSequence } from "../../../test/oracles/diag-messages.ts";
import type { Socket } from "../../tcp/socket.ts";
import { ALL_STATES } from "../../tcp/states.ts";
import { LITTLE_ENDIAN, NLM_F_DUMP_INTR } from "../../wire/netlink.ts";
import type { DumpSummary } from "../host.ts";
import { dumpByNetlink } from "./diag-dump.ts";
import type { DiagDumpPlan } from "./diag-dump.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

const SKIP = {
  skip: LITTLE_ENDIAN ? false : "probed: the byte order of this machine; the recording is of a little-endian one",
};
const ERROR = 2;
const DONE = 3;
const ENOENT = 2;
const EINTR = 4;
const EPERM = 1;
const EINVAL = 22;
const ENOBUFS = 105;
const PROGRAM = Uint8Array.from([1, 4, 4, 0]);

const TCP4 = SKIP.skip === false ? recordedMessages("tcp") : [];
const TCP6 = SKIP.skip === false ? recordedMessages("tcp6") : [];

type Answer = Parameters<typeof fakeNetlink>[0];

function dump(
  answer: Answer,
  plan: Partial<DiagDumpPlan> = {},
): { readonly sockets: Socket[]; readonly summary: DumpSummary; readonly netlink: FakeNetlink } {
  const netlink = fakeNetlink(answer);
  const { summary, ...batches } = dumpByNetlink(() => NetlinkSocket.open(netlink.libc), {
    protocol: "tcp",
    families: ["ipv4", "ipv6"],
    kernelStates: ALL_STATES,
    exactFilter: true,
    blind: [],
    interfaceName: () => undefined,
    ...plan,
  });
  const sockets: Socket[] = [];
  for (const batch of batches as Iterable<{ length: number; socketAt(index: number): Socket }>)
    for (let index = 0; index < batch.length; index++) sockets.push(batch.socketAt(index));
  assert.equal(netlink.open, 0, "the netlink socket was left open");
  return { sockets, summary, netlink };
}

/** sdiag_family of a request: 2 or 10. */
const familyOf = (request: Uint8Array): number => request[16]!;
const hasProgram = (request: Uint8Array): boolean => request.length > 16 + 56;
const recordedFor = (request: Uint8Array, sequence: number): Uint8Array[] =>
  (familyOf(request) === 2 ? TCP4 : TCP6).map((bytes) => withSequence(bytes, sequence));

test("a dump of both families, one message a receive", SKIP, () => {
  const { sockets, summary, netlink } = dump((request, sequence) => [
    ...recordedFor(request, sequence),
    message(DONE, sequence, [0]),
  ]);
  assert.equal(sockets.length, TCP4.length + TCP6.length);
  assert.deepEqual(netlink.sent.map(familyOf), [2, 10]);
  assert.deepEqual(summary, { exactFilter: true, interrupted: false, malformed: 0, failed: [], blind: [] });
});

test("a receive that was interrupted by a signal is made again", SKIP, () => {
  const { sockets, summary } = dump((request, sequence) => [
    -EINTR,
    concat(recordedFor(request, sequence)),
    -EINTR,
    message(DONE, sequence, [0]),
  ]);
  assert.equal(sockets.length, TCP4.length + TCP6.length);
  assert.deepEqual(summary.failed, []);
});

test("a socket that the kernel names twice comes once, across receives and families", SKIP, () => {
  const { sockets } = dump((_, sequence) => {
    const all = TCP4.map((bytes) => withSequence(bytes, sequence));
    return [concat([...all, ...all]), concat(all), message(DONE, sequence, [0])];
  });
  assert.equal(sockets.length, TCP4.length);
  assert.equal(new Set(sockets.map(({ cookie }) => cookie)).size, TCP4.length);
});

test("NLM_F_DUMP_INTR is told", SKIP, () => {
  for (const flagged of ["socket", "end"] as const) {
    const { summary, sockets } = dump((request, sequence) => {
      const [first, ...rest] = recordedFor(request, sequence);
      if (flagged === "socket") first![6]! |= NLM_F_DUMP_INTR;
      return [concat([first!, ...rest]), message(DONE, sequence, [0], flagged === "end" ? NLM_F_DUMP_INTR : 0)];
    });
    assert.equal(summary.interrupted, true, flagged);
    assert.equal(sockets.length, TCP4.length + TCP6.length);
  }
});

test("answers to an earlier request are not taken for this one's", SKIP, () => {
  const { sockets, summary } = dump((request, sequence) => [
    concat(TCP6.map((bytes) => withSequence(bytes, sequence + 7))),
    message(DONE, sequence + 7, [0]),
    concat(recordedFor(request, sequence).slice(0, 2)),
    message(DONE, sequence, [0]),
  ]);
  assert.equal(sockets.length, 4);
  assert.equal(summary.malformed, 0);
});

for (const [name, errno] of [
  ["EINVAL", EINVAL],
  ["EPERM", EPERM],
] as const) {
  test(`a filter program that is answered with ${name}: asked again without it`, SKIP, () => {
    const { sockets, summary, netlink } = dump(
      (request, sequence) =>
        hasProgram(request)
          ? [message(ERROR, sequence, [-errno])]
          : [concat(recordedFor(request, sequence)), message(DONE, sequence, [0])],
      { bytecode: PROGRAM },
    );
    assert.equal(sockets.length, TCP4.length + TCP6.length);
    assert.equal(summary.exactFilter, false, "what comes is not filtered");
    assert.deepEqual(summary.failed, []);
    assert.deepEqual(netlink.sent.map(hasProgram), [true, false, true, false]);
  });
}

test("without a program EINVAL is a failure", SKIP, () => {
  const { summary } = dump((_, sequence) => [message(ERROR, sequence, [-EINVAL])]);
  assert.deepEqual(
    summary.failed.map(({ errno }) => errno),
    ["EINVAL", "EINVAL"],
  );
});

test("a kernel without IPv6 answers ENOENT; IPv4's sockets are there", SKIP, () => {
  const { sockets, summary } = dump((request, sequence) =>
    familyOf(request) === 2
      ? [concat(recordedFor(request, sequence)), message(DONE, sequence, [0])]
      : [message(ERROR, sequence, [-ENOENT])],
  );
  assert.equal(sockets.length, TCP4.length);
  assert.deepEqual(summary.failed, [{ family: "ipv6", errno: "ENOENT" }]);
});

test("a dump that ends in an error keeps what came before, and says so", SKIP, () => {
  for (const end of [DONE, ERROR]) {
    const { sockets, summary } = dump(
      (request, sequence) => [concat(recordedFor(request, sequence).slice(0, 3)), message(end, sequence, [-ENOBUFS])],
      { families: ["ipv4"] },
    );
    assert.equal(sockets.length, 3);
    assert.deepEqual(summary.failed, [{ family: "ipv4", errno: "ENOBUFS" }]);
  }
});

test("an error message too short to say which is a failure, not an end", SKIP, () => {
  const { summary } = dump((_, sequence) => [message(ERROR, sequence, [])], { families: ["ipv4"] });
  assert.deepEqual(summary.failed, [{ family: "ipv4", errno: "EPROTO" }]);
});

test("a dump that never ends: the receive times out, and what came is kept", SKIP, () => {
  const { sockets, summary } = dump((request, sequence) => [concat(recordedFor(request, sequence))]);
  assert.equal(sockets.length, TCP4.length + TCP6.length);
  assert.deepEqual(summary.failed, [
    { family: "ipv4", errno: "EAGAIN" },
    { family: "ipv6", errno: "EAGAIN" },
  ]);
});

test("messages of lengths that make no sense are counted, and the dump goes on", SKIP, () => {
  const { sockets, summary } = dump(
    (request, sequence) => {
      const [good, other] = recordedFor(request, sequence);
      const tooShort = message(20, sequence, [0]);
      const endless = message(20, sequence, [0]);
      new DataView(endless.buffer).setUint32(0, 0, LITTLE_ENDIAN);
      return [concat([good!, tooShort]), concat([endless, good!]), other!, message(DONE, sequence, [0])];
    },
    { families: ["ipv4"] },
  );
  assert.equal(summary.malformed, 2);
  assert.equal(sockets.length, 2);
  assert.deepEqual(summary.failed, []);
});

test("a message of another family or an unknown state is counted and left out", SKIP, () => {
  const { sockets, summary } = dump(
    (request, sequence) => {
      const [a, b, good] = recordedFor(request, sequence);
      a![16] = 99;
      b![17] = 42;
      return [concat([a!, b!, good!]), message(DONE, sequence, [0])];
    },
    { families: ["ipv4"] },
  );
  assert.equal(sockets.length, 1);
  assert.equal(summary.malformed, 2);
});

test("whoever stops early closes the netlink socket", SKIP, () => {
  const netlink = fakeNetlink((request, sequence) => recordedFor(request, sequence));
  const batches = dumpByNetlink(() => NetlinkSocket.open(netlink.libc), {
    protocol: "tcp",
    families: ["ipv4", "ipv6"],
    kernelStates: ALL_STATES,
    exactFilter: true,
    blind: [],
    interfaceName: () => undefined,
  });
  for (const batch of batches) {
    assert.equal(batch.length, 1);
    break;
  }
  assert.equal(netlink.open, 0);
});

test("no netlink socket to be had is a failure of each family", () => {
  const dumped = dumpByNetlink(() => ({ errno: "EPROTONOSUPPORT" }), {
    protocol: "tcp",
    families: ["ipv4", "ipv6"],
    kernelStates: ALL_STATES,
    exactFilter: true,
    blind: [],
    interfaceName: () => undefined,
  });
  assert.deepEqual([...dumped], []);
  assert.deepEqual(dumped.summary.failed, [
    { family: "ipv4", errno: "EPROTONOSUPPORT" },
    { family: "ipv6", errno: "EPROTONOSUPPORT" },
  ]);
});
