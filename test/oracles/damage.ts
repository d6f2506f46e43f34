/**
 * What must hold of a message or a table that was cut, flipped or spliced: no exception, no hang, every socket that comes out is one that
 * could be, and one that was only cut shows nothing that the whole one does not show.
 */
import assert from "node:assert/strict";
import { dumpByNetlink } from "../../src/host/linux/diag-dump.ts";
import { NetlinkSocket } from "../../src/host/linux/netlink-socket.ts";
import type { DumpSummary } from "../../src/host/host.ts";
import { parseIp } from "../../src/tcp/ip-address.ts";
import type { Protocol, Socket } from "../../src/tcp/socket.ts";
import { ALL_STATES, STATES } from "../../src/tcp/states.ts";
import { fakeNetlink, message, withSequence } from "./diag-messages.ts";

const NAMES = new Set<string>(STATES.map(({ name }) => name));
const TIMERS = new Set(["retransmit", "keepalive", "time-wait", "zero-window-probe", "delayed-ack"]);

/** Through the whole way in: as one family's dump that the kernel hands over in these pieces. */
export function readBack(
  protocol: Protocol,
  pieces: readonly Uint8Array[],
  options: { readonly done?: boolean } = {},
): { readonly sockets: Socket[]; readonly summary: DumpSummary } {
  const done = options.done === false ? [] : [message(3, 1, [0])];
  const netlink = fakeNetlink(() => [...pieces.map((piece) => withSequence(piece, 1)), ...done]);
  const dump = dumpByNetlink(() => NetlinkSocket.open(netlink.libc), {
    protocol,
    families: ["ipv4"],
    kernelStates: ALL_STATES,
    exactFilter: true,
    blind: [],
    interfaceName: (index) => (index === 1 ? "lo" : undefined),
  });
  const sockets: Socket[] = [];
  for (const batch of dump) {
    for (let index = 0; index < batch.length; index++) {
      const socket = batch.socketAt(index);
      assert.equal(batch.stateAt(index), socket.state);
      sockets.push(socket);
    }
  }
  assert.equal(netlink.open, 0, "the netlink socket was left open");
  return { sockets, summary: dump.summary };
}

/** Could there be such a socket? */
export function checkSocket(socket: Socket): void {
  assert.ok(NAMES.has(socket.state), `state ${socket.state}`);
  assert.ok(socket.family === "ipv4" || socket.family === "ipv6");
  for (const endpoint of [socket.local, socket.remote]) {
    if (endpoint === undefined) continue;
    assert.equal(parseIp(endpoint.address)?.bytes.length, socket.family === "ipv4" ? 4 : 16, endpoint.address);
    checkNumber(endpoint.port, 65_535);
  }
  if (socket.cookie !== undefined) assert.match(socket.cookie, /^0x[0-9a-f]{16}$/);
  if (socket.timer !== undefined) assert.ok(TIMERS.has(socket.timer.kind));
  for (const value of [socket.uid, socket.inode, socket.mark]) if (value !== undefined) checkNumber(value, 0xffff_ffff);
  for (const part of [socket.queues, socket.timer, socket.memory, socket.info])
    for (const value of Object.values(part ?? {}) as unknown[])
      if (typeof value === "number") checkNumber(value, Number.MAX_SAFE_INTEGER);
}

function checkNumber(value: number, most: number): void {
  assert.ok(Number.isSafeInteger(value) && value >= 0 && value <= most, `${value} is no number to show`);
}

/** Every field of `cut` is one of `whole`, with its value; objects are compared field by field. */
export function checkPartOf(cut: object, whole: object, about: string): void {
  for (const [key, value] of Object.entries(cut) as [string, unknown][]) {
    const expected = (whole as Record<string, unknown>)[key];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      assert.equal(typeof expected, "object", `${about}: ${key}`);
      checkPartOf(value, expected as object, `${about}: ${key}`);
    } else assert.deepEqual(value, expected, `${about}: ${key}`);
  }
}
