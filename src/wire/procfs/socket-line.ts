/**
 * One line of /proc/net/{tcp,tcp6,udp,udp6}: where its columns stand, and what they mean. Written by get_tcp4_sock(), get_openreq4() and
 * get_timewait4_sock() in net/ipv4/tcp_ipv4.c, their twins in net/ipv6, and udp4_format_sock(). The offsets count from the first digit of
 * the local address; all columns up to the timer have a fixed width.
 *
 *     0: 0100007F:C030 0100007F:8514 06 00000000:00000000 03:00001765 00000000     0        0 0 3 00000000cdb5e4c8
 *        local         remote        st tx       rx       tr when     retrnsmt   uid  timeout inode
 */
import type { Family, Protocol, Queues, Socket, SocketTimer, TimerKind } from "../../tcp/socket.ts";
import type { SocketState } from "../../tcp/states.ts";
import { stateOfKernel } from "../../tcp/states.ts";
import { AddressTexts } from "../address-texts.ts";

export interface SocketTableKind {
  readonly protocol: Protocol;
  readonly family: Family;
  /** Addresses are 32-bit words in the byte order of the host that wrote the table. */
  readonly littleEndian: boolean;
}

/** USER_HZ is 100 on every architecture that Node runs on (include/asm-generic/param.h): one tick is 10 ms. */
const TICK_MS = 10;

const TIMERS: Readonly<Record<number, TimerKind>> = {
  1: "retransmit",
  2: "keepalive",
  3: "time-wait",
  4: "zero-window-probe",
  5: "delayed-ack",
};

/** 0-15 for a hexadecimal digit, 255 for any other byte. */
const HEX = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  HEX["0123456789abcdef".charCodeAt(digit)] = digit;
  HEX["0123456789ABCDEF".charCodeAt(digit)] = digit;
}

const SPACE = 0x20;
const COLON = 0x3a;

/** Where each column starts, for addresses of 8 or of 32 digits. */
export interface Columns {
  readonly addressDigits: number;
  readonly localPort: number;
  readonly remote: number;
  readonly remotePort: number;
  readonly state: number;
  readonly sendQueue: number;
  readonly receiveQueue: number;
  readonly timer: number;
  readonly timerTicks: number;
  /** The byte that stands at each place before `timerTicks`; 0 for a hexadecimal digit. */
  readonly shape: Uint8Array;
}

export function columnsOf(family: Family): Columns {
  const digits = family === "ipv4" ? 8 : 32;
  const remote = digits + 6;
  const state = remote + digits + 6;
  const columns = {
    addressDigits: digits,
    localPort: digits + 1,
    remote,
    remotePort: remote + digits + 1,
    state,
    sendQueue: state + 3,
    receiveQueue: state + 12,
    timer: state + 21,
    timerTicks: state + 24,
    shape: new Uint8Array(state + 24),
  };
  for (const column of ["localPort", "remotePort", "receiveQueue", "timerTicks"] as const)
    columns.shape[columns[column] - 1] = COLON;
  for (const column of ["remote", "state", "sendQueue", "timer"] as const) columns.shape[columns[column] - 1] = SPACE;
  return columns;
}

/** A hash of both addresses and ports, if the columns before `timerTicks` hold what the kernel writes; else undefined. */
export function addressesHash(bytes: Uint8Array, at: number, columns: Columns): number | undefined {
  const { shape, state } = columns;
  let wrong = 0;
  let hash = 0;
  for (let index = 0; index < shape.length; index++) {
    const expected = shape[index]!;
    const byte = bytes[at + index]!;
    wrong |= expected === 0 ? HEX[byte]! & 0x80 : expected ^ byte;
    if (index < state) hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return wrong === 0 ? hash : undefined;
}

/** The number of `digits` hexadecimal digits at `at`. */
export function hexAt(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index++) value = value * 16 + (HEX[bytes[index]!]! & 0x0f);
  return value;
}

/** Ticks have 8 digits, or up to 16 for a time beyond 2^32; uid and the like are decimal, and what is longer than 15 digits is damaged. */
const MOST_TICK_DIGITS = 13;
const MOST_DECIMAL_DIGITS = 15;

/**
 * Where the inode starts, if all from `timerTicks` up to it is what the kernel writes; else -1. The inode must have a further column behind
 * it, which proves that it is whole.
 */
export function inodePlace(bytes: Uint8Array, timerTicks: number, end: number): number {
  let position = skipDigits(bytes, timerTicks, end, 16);
  const ticks = position - timerTicks;
  if (ticks < 8 || ticks > MOST_TICK_DIGITS || bytes[position] !== SPACE) return -1;
  position = skipDigits(bytes, position + 1, end, 16);
  if (position - timerTicks - ticks !== 9) return -1;
  let start = -1;
  for (let column = 0; column < 3; column++) {
    start = skipSpaces(bytes, position, end);
    if (start === position) return -1;
    position = skipDigits(bytes, start, end, 10);
    if (position === start || position - start > MOST_DECIMAL_DIGITS || position >= end || bytes[position] !== SPACE)
      return -1;
  }
  return start;
}

function skipDigits(bytes: Uint8Array, at: number, end: number, base: number): number {
  let position = at;
  while (position < end && HEX[bytes[position]!]! < base) position++;
  return position;
}

function skipSpaces(bytes: Uint8Array, at: number, end: number): number {
  let position = at;
  while (position < end && bytes[position] === SPACE) position++;
  return position;
}

/** The columns behind the timer, whose widths vary. */
interface Tail {
  readonly timerTicks: number;
  readonly retransmits: number;
  readonly uid: number;
  readonly probes: number;
  readonly inode: number;
}

/** Of a line that inodePlace() has accepted. */
function tailOf(bytes: Uint8Array, timerTicks: number, end: number): Tail {
  const space = bytes.indexOf(SPACE, timerTicks);
  const values = [0, 0, 0];
  let position = space + 9;
  for (let column = 0; column < 3; column++) {
    position = skipSpaces(bytes, position, end);
    let value = 0;
    for (; bytes[position] !== SPACE && position < end; position++) value = value * 10 + HEX[bytes[position]!]!;
    values[column] = value;
  }
  return {
    timerTicks: hexAt(bytes, timerTicks, space - timerTicks),
    retransmits: hexAt(bytes, space + 1, 8),
    uid: values[0]!,
    probes: values[1]!,
    inode: values[2]!,
  };
}

/** The states by the kernel's number, as this protocol uses it. UDP has two: connected, and not (TCP_CLOSE). */
export function statesOf(protocol: Protocol): readonly (SocketState | undefined)[] {
  if (protocol === "udp")
    return Array.from({ length: 13 }, (_, kernel) =>
      kernel === 1 ? "ESTABLISHED" : kernel === 7 ? "BOUND" : undefined,
    );
  return Array.from({ length: 13 }, (_, kernel) => stateOfKernel(kernel));
}

/** Makes sockets of lines that addressesHash(), statesOf() and inodePlace() have accepted. */
export class SocketLineDecoder {
  readonly #kind: SocketTableKind;
  readonly #columns: Columns;
  readonly #texts = new AddressTexts();
  readonly #address = new DataView(new ArrayBuffer(16));

  constructor(kind: SocketTableKind) {
    this.#kind = kind;
    this.#columns = columnsOf(kind.family);
  }

  socketAt(bytes: Uint8Array, at: number, end: number, state: SocketState): Socket {
    const columns = this.#columns;
    const tail = tailOf(bytes, at + columns.timerTicks, end);
    const timerNumber = hexAt(bytes, at + columns.timer, 2);
    const timer = timerOf(timerNumber, tail);
    const remotePort = hexAt(bytes, at + columns.remotePort, 4);
    // A TIME-WAIT's and a request's uid and inode are constants, and kernels up to 6.12 write uid 0 for an orphan (sock_i_uid).
    const uidTold = (tail.inode !== 0 || tail.uid !== 0) && tail.uid <= 0xffff_ffff;
    return {
      protocol: this.#kind.protocol,
      family: this.#kind.family,
      state,
      local: { address: this.#addressAt(bytes, at), port: hexAt(bytes, at + columns.localPort, 4) },
      ...(state === "LISTEN" || state === "BOUND" || (state === "CLOSED" && remotePort === 0)
        ? {}
        : { remote: { address: this.#addressAt(bytes, at + columns.remote), port: remotePort } }),
      queues: this.#queuesAt(bytes, at, state),
      ...(timer === undefined ? {} : { timer }),
      ...(uidTold ? { uid: tail.uid } : {}),
      ...(tail.inode === 0 ? {} : { inode: tail.inode }),
    };
  }

  /** A listener's receive column is the length of its accept queue; how long it may get is not told (get_tcp4_sock). */
  #queuesAt(bytes: Uint8Array, at: number, state: SocketState): Queues {
    const receive = hexAt(bytes, at + this.#columns.receiveQueue, 8);
    if (state === "LISTEN") return { accepting: receive };
    return { receiveBytes: receive, sendBytes: hexAt(bytes, at + this.#columns.sendQueue, 8) };
  }

  #addressAt(bytes: Uint8Array, at: number): string {
    const words = this.#columns.addressDigits / 8;
    for (let word = 0; word < words; word++)
      this.#address.setUint32(word * 4, hexAt(bytes, at + word * 8, 8), this.#kind.littleEndian);
    return words === 1 ? this.#texts.ipv4(this.#address, 0) : this.#texts.ipv6(this.#address, 0);
  }
}

/** Retransmissions of data stand in one column, unanswered probes (keepalive, zero window) in another. */
function timerOf(number: number, tail: Tail): SocketTimer | undefined {
  const kind = TIMERS[number];
  if (kind === undefined) return undefined;
  const retransmits = number === 2 || number === 4 ? tail.probes : tail.retransmits;
  return { kind, remainingMs: tail.timerTicks * TICK_MS, retransmits };
}
