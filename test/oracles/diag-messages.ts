/** Recorded netlink messages, one by one, and a netlink socket that plays them back. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Libc } from "../../src/host/linux/libc.ts";
import { LITTLE_ENDIAN } from "../../src/wire/netlink.ts";

const FIXTURES = join(findRoot(import.meta.dirname), "test/fixtures/sock-diag");

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}

export function messagesIn(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = (view.getUint32(at, LITTLE_ENDIAN) + 3) & ~3;
    messages.push(bytes.slice(at, at + length));
    at += length;
  }
  return messages;
}

/** What test/fixtures/sock-diag/README.md describes: the sockets' messages, without the end of the dump. */
export function recordedMessages(name: "tcp" | "tcp6" | "udp" | "udp6"): Uint8Array[] {
  return messagesIn(new Uint8Array(readFileSync(join(FIXTURES, `${name}.bin`)))).slice(0, -1);
}

export function recordedTable(name: "tcp" | "tcp6" | "udp" | "udp6"): Uint8Array {
  return new Uint8Array(readFileSync(join(FIXTURES, `${name}.txt`)));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The same message as an answer to this request. */
export function withSequence(message: Uint8Array, sequence: number): Uint8Array {
  const copy = message.slice();
  if (copy.length >= 12) new DataView(copy.buffer).setUint32(8, sequence, LITTLE_ENDIAN);
  return copy;
}

/** A header and 32-bit words. NLMSG_ERROR is 2, NLMSG_DONE is 3. */
export function message(type: number, sequence: number, words: readonly number[], flags = 0): Uint8Array {
  const bytes = new Uint8Array(16 + words.length * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  words.forEach((word, index) => view.setInt32(16 + index * 4, word, LITTLE_ENDIAN));
  return bytes;
}

export interface FakeNetlink {
  readonly libc: Libc;
  /** Every request, in order. */
  readonly sent: Uint8Array[];
  /** Sockets that were opened and not closed. */
  open: number;
}

const EAGAIN = 11;
const E2BIG = 7;

/**
 * A C library whose netlink sockets answer each request with these pieces, one for each recv: bytes, or a negated errno. When they are
 * used up the kernel has nothing more to say, and the receive times out.
 */
export function fakeNetlink(
  answer: (request: Uint8Array, sequence: number) => readonly (Uint8Array | number)[],
): FakeNetlink {
  const pending: (Uint8Array | number)[] = [];
  const netlink: FakeNetlink = { libc: undefined as unknown as Libc, sent: [], open: 0 };
  const calls: Partial<Libc> = {
    socket: () => ++netlink.open + 2,
    setsockopt: () => 0,
    close: () => {
      netlink.open--;
      return 0;
    },
    send(_fd, data, length) {
      const request = data.slice(0, length);
      netlink.sent.push(request);
      pending.push(...answer(request, new DataView(request.buffer).getUint32(8, LITTLE_ENDIAN)));
      return length;
    },
    recv(_fd, buffer, length) {
      const piece = pending.shift() ?? -EAGAIN;
      if (typeof piece === "number") return piece;
      if (piece.length > length) return -E2BIG;
      buffer.set(piece);
      return piece.length;
    },
  };
  return Object.assign(netlink, { libc: calls as Libc });
}
