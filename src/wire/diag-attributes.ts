/** The attributes that inet_diag hangs on a message (INET_DIAG_* of include/uapi/linux/inet_diag.h). Unknown ones are skipped. */
import type { Socket, SocketMemory, SocketOptionName } from "../tcp/socket.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import { ATTRIBUTE } from "./inet-diag.ts";
import { LITTLE_ENDIAN, eachAttribute } from "./netlink.ts";
import { decodeActivity, decodeTcpInfo } from "./tcp-info.ts";

const ULP_INFO_NAME = 1;

export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The ones that most sockets have. False: it is a rare one, which says something that a row has no place for. */
export function decodeCommonAttribute(row: SocketRow, type: number, view: DataView, from: number, to: number): boolean {
  const length = to - from;
  switch (type) {
    case ATTRIBUTE.SHUTDOWN:
      if (length >= 1) row.shutdown = view.getUint8(from);
      return true;
    case ATTRIBUTE.SKV6ONLY:
      if (length >= 1) row.v6only = view.getUint8(from) !== 0;
      return true;
    case ATTRIBUTE.MARK: {
      const mark = length >= 4 ? view.getUint32(from, LITTLE_ENDIAN) : 0;
      if (mark !== 0) row.mark = mark;
      return true;
    }
    case ATTRIBUTE.CGROUP_ID:
      if (length >= 8) {
        const id = view.getUint32(from + LOW, LITTLE_ENDIAN) + view.getUint32(from + HIGH, LITTLE_ENDIAN) * 2 ** 32;
        // 0 is a socket of before cgroups or of a v1 hierarchy.
        if (id !== 0 && Number.isSafeInteger(id)) row.cgroupId = id;
      }
      return true;
    case ATTRIBUTE.SOCKOPT:
      if (length >= 2) row.options = decodeOptions(view.getUint8(from), view.getUint8(from + 1));
      return true;
    case ATTRIBUTE.INFO:
      if (row.activity === undefined) return false;
      decodeActivity(row.activity, view, from, to);
      return true;
    case ATTRIBUTE.CONG:
    case ATTRIBUTE.SKMEMINFO:
    case ATTRIBUTE.ULP_INFO:
      return false;
    default:
      return true;
  }
}

/** The words of a 64-bit number. */
const LOW = LITTLE_ENDIAN ? 0 : 4;
const HIGH = 4 - LOW;

/** Those that have to be asked for, or that few sockets have. */
export function decodeRareAttribute(
  socket: Writable<Socket>,
  type: number,
  view: DataView,
  from: number,
  to: number,
): void {
  switch (type) {
    case ATTRIBUTE.INFO:
      if (to > from && socket.protocol === "tcp") socket.info = decodeTcpInfo(view, from, to);
      break;
    case ATTRIBUTE.CONG:
      socket.congestion = readName(view, from, to);
      break;
    case ATTRIBUTE.SKMEMINFO: {
      const memory = decodeMemory(view, from, to);
      if (memory !== undefined) socket.memory = memory;
      break;
    }
    case ATTRIBUTE.ULP_INFO:
      eachAttribute(view, from, to, (nested, start, end) => {
        if (nested === ULP_INFO_NAME) socket.ulp = readName(view, start, end);
      });
      break;
  }
}

/** struct inet_diag_sockopt: bit fields, which the compiler lays out from the low bit on little-endian machines, the high bit on others. */
const OPTION_BITS: readonly (readonly SocketOptionName[])[] = [
  ["recverr", "is_icsk", "freebind", "hdrincl", "mc_loop", "transparent", "mc_all", "nodefrag"],
  ["bind_address_no_port", "recverr_rfc4884", "defer_connect"],
];
const optionsByBits = new Map<number, readonly SocketOptionName[]>();

function decodeOptions(first: number, second: number): readonly SocketOptionName[] {
  const bits = first | (second << 8);
  let names = optionsByBits.get(bits);
  if (names === undefined) {
    names = OPTION_BITS.flatMap((row, byte) =>
      row.filter((_, bit) => (((byte === 0 ? first : second) >> (LITTLE_ENDIAN ? bit : 7 - bit)) & 1) !== 0),
    );
    optionsByBits.set(bits, names);
  }
  return names;
}

function decodeMemory(view: DataView, from: number, to: number): SocketMemory | undefined {
  if (to - from < 28) return undefined;
  const word = (index: number): number => view.getUint32(from + index * 4, LITTLE_ENDIAN);
  return {
    receiveAllocBytes: word(0),
    receiveBufferBytes: word(1),
    sendAllocBytes: word(2),
    sendBufferBytes: word(3),
    forwardAllocBytes: word(4),
    sendQueuedBytes: word(5),
    optionBytes: word(6),
    ...(to - from >= 32 ? { backlogBytes: word(7) } : {}),
    ...(to - from >= 36 ? { drops: word(8) } : {}),
  };
}

function readName(view: DataView, from: number, to: number): string {
  let name = "";
  for (let at = from; at < to; at++) {
    const code = view.getUint8(at);
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
}
