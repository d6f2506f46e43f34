/**
 * The lines of /proc/net/{tcp,tcp6,udp,udp6}, a piece of the file at a time: finds them, checks them, keeps those that are wanted, and
 * decodes one only when it is asked for.
 */
import type { Socket } from "../../tcp/socket.ts";
import { maskHas } from "../../tcp/states.ts";
import type { SocketState, StateMask } from "../../tcp/states.ts";
import type { Columns, SocketTableKind } from "./socket-line.ts";
import { SocketLineDecoder, addressesHash, columnsOf, hexAt, inodePlace, statesOf } from "./socket-line.ts";

export interface WantedSockets {
  readonly states: StateMask;
  readonly localPort?: number;
  readonly remotePort?: number;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

const MALFORMED = -1;
const HEADER = -2;

/** How many lines back a repeated one is looked for. */
const REMEMBERED = 32;

export class SocketLines {
  readonly #wanted: WantedSockets;
  readonly #stateNames: readonly (SocketState | undefined)[];
  readonly #wantedStates: readonly boolean[];
  readonly #columns: Columns;
  readonly #decoder: SocketLineDecoder;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #states: SocketState[] = [];
  readonly #recentAddresses = new Int32Array(REMEMBERED);
  readonly #recentIdentities = new Int32Array(REMEMBERED);
  #recentAt = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #malformed = 0;
  #headerSeen = false;
  // The line that #check() has seen last.
  #at = 0;
  #hash = 0;
  #kernelState = 0;

  constructor(kind: SocketTableKind, wanted: WantedSockets) {
    this.#wanted = wanted;
    this.#stateNames = statesOf(kind.protocol);
    this.#wantedStates = this.#stateNames.map((state) => state !== undefined && maskHas(wanted.states, state));
    this.#columns = columnsOf(kind.family);
    this.#decoder = new SocketLineDecoder(kind);
  }

  /** How many wanted sockets the last piece held. */
  get length(): number {
    return this.#length;
  }

  /** Lines so far that were cut or made no sense. */
  get malformed(): number {
    return this.#malformed;
  }

  /**
   * Takes the whole lines of a piece of the file and answers how many bytes they were: the caller puts the rest before the next piece.
   * With `last`, a rest without a line break is a line that was cut. What the last piece held is forgotten.
   */
  scan(bytes: Uint8Array, end: number, options: { readonly last: boolean }): number {
    this.#bytes = bytes;
    this.#length = 0;
    let start = 0;
    for (;;) {
      const inode = this.#headerSeen || !isHeader(bytes, start) ? this.#check(start, end) : HEADER;
      // Up to the inode a good line has no line break.
      let newline = inode > start ? inode : start;
      while (newline < end && bytes[newline] !== NEWLINE) newline++;
      if (newline === end) break;
      if (inode === MALFORMED) this.#malformed++;
      else if (inode !== HEADER) this.#take(inode, newline);
      this.#headerSeen = true;
      start = newline + 1;
    }
    if (!options.last || start === end) return start;
    this.#malformed++;
    return end;
  }

  stateAt(index: number): SocketState {
    if (index >= this.#length) throw new RangeError(`no line ${index} of ${this.#length}`);
    return this.#states[index]!;
  }

  socketAt(index: number): Socket {
    return this.#decoder.socketAt(this.#bytes, this.#starts[index]!, this.#ends[index]!, this.stateAt(index));
  }

  /** Where the inode of the line stands; MALFORMED if the line is not what the kernel writes. Leaves what #take() needs. */
  #check(lineStart: number, end: number): number {
    const bytes = this.#bytes;
    const columns = this.#columns;
    const at = this.#addressPlace(lineStart, end);
    if (at < 0) return MALFORMED;
    const hash = addressesHash(bytes, at, columns);
    const kernelState = hexAt(bytes, at + columns.state, 2);
    if (hash === undefined || this.#stateNames[kernelState] === undefined) return MALFORMED;
    this.#at = at;
    this.#hash = hash;
    this.#kernelState = kernelState;
    return inodePlace(bytes, at + columns.timerTicks, end);
  }

  #take(inode: number, end: number): void {
    const bytes = this.#bytes;
    const columns = this.#columns;
    const at = this.#at;
    if (this.#isRepeated(this.#hash, hashOfIdentity(bytes, inode, end))) return;
    const state = this.#stateNames[this.#kernelState]!;
    const { localPort, remotePort } = this.#wanted;
    if (!this.#wantedStates[this.#kernelState]) return;
    if (localPort !== undefined && localPort !== hexAt(bytes, at + columns.localPort, 4)) return;
    if (remotePort !== undefined && remotePort !== hexAt(bytes, at + columns.remotePort, 4)) return;
    this.#starts[this.#length] = at;
    this.#ends[this.#length] = end;
    this.#states[this.#length] = state;
    this.#length++;
  }

  /** Behind `  123: `; -1 for a line that does not start so, or that is too short. */
  #addressPlace(lineStart: number, end: number): number {
    const bytes = this.#bytes;
    let position = lineStart;
    while (bytes[position] === SPACE) position++;
    const digits = position;
    while (bytes[position]! >= 0x30 && bytes[position]! <= 0x39) position++;
    if (position === digits || bytes[position] !== COLON || bytes[position + 1] !== SPACE) return -1;
    return position + 2 + this.#columns.timerTicks < end ? position + 2 : -1;
  }

  /**
   * Between two read(2) calls the kernel finds its place again by counting in the hash bucket (tcp_seek_last_pos): when a socket was added
   * meanwhile, the last lines come again. The table has no cookie; the same addresses, inode and kernel pointer shortly before are the same
   * socket.
   */
  #isRepeated(addresses: number, identity: number): boolean {
    const known = this.#recentAddresses;
    for (let index = 0; index < REMEMBERED; index++) {
      if (known[index] === addresses && this.#recentIdentities[index] === identity) return true;
    }
    known[this.#recentAt] = addresses;
    this.#recentIdentities[this.#recentAt] = identity;
    this.#recentAt = (this.#recentAt + 1) % REMEMBERED;
    return false;
  }
}

/** `  sl  local_address …`; UDP's has a space more. */
function isHeader(bytes: Uint8Array, start: number): boolean {
  let position = start;
  while (bytes[position] === SPACE) position++;
  return bytes[position] === 0x73 /* s */ && bytes[position + 1] === 0x6c; /* l */
}

/** Of the inode and of the kernel pointer, the third column from there; the reference count between them may change. */
function hashOfIdentity(bytes: Uint8Array, inode: number, end: number): number {
  let hash = 1;
  let column = 0;
  for (let position = inode; position < end; position++) {
    const byte = bytes[position]!;
    if (byte === SPACE) {
      if (++column === 3) break;
    } else if (column !== 1) hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return hash;
}
