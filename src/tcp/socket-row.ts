/**
 * A socket as one flat row, made once and filled again for each socket: a hundred thousand sockets then need no
 * objects (four or five each, which have to be cleared away again). A row can say what is common to most sockets; what else there is, only a `Socket` says.
 */
import type { Family, Protocol, Socket, SocketOptionName, SocketTimer, TimerKind } from "./socket.ts";
import type { SocketState } from "./states.ts";

export interface SocketRow {
  protocol: Protocol;
  family: Family;
  state: SocketState;
  localAddress: string;
  localPort: number;
  /** Undefined: this socket has no peer. */
  remoteAddress: string | undefined;
  remotePort: number;
  /** Of a listener: connections to accept, and how many may wait. */
  receiveQueue: number;
  sendQueue: number;
  timer: TimerKind | undefined;
  remainingMs: number;
  retransmits: number;
  uid: number | undefined;
  /** 0: no descriptor exists. */
  inode: number;
  cookieHigh: number;
  cookieLow: number;
  netns: number | undefined;
  shutdown: number | undefined;
  v6only: boolean | undefined;
  mark: number | undefined;
  cgroupId: number | undefined;
  options: readonly SocketOptionName[] | undefined;
  /**
   * Given by whoever wants no more of tcp_info than this: it is filled, and tcp_info is no reason any more why a row does not say all.
   */
  activity?: RowActivity;
}

/** Undefined: not told. */
export interface RowActivity {
  lastDataReceivedMs: number | undefined;
  lastAckReceivedMs: number | undefined;
}

export function createSocketRow(protocol: Protocol, netns?: number): SocketRow {
  return {
    protocol,
    family: "ipv4",
    state: "CLOSED",
    localAddress: "",
    localPort: 0,
    remoteAddress: undefined,
    remotePort: 0,
    receiveQueue: 0,
    sendQueue: 0,
    timer: undefined,
    remainingMs: 0,
    retransmits: 0,
    uid: undefined,
    inode: 0,
    cookieHigh: 0,
    cookieLow: 0,
    netns,
    shutdown: undefined,
    v6only: undefined,
    mark: undefined,
    cgroupId: undefined,
    options: undefined,
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The same as a Socket of its own. */
export function socketOfRow(row: SocketRow): Writable<Socket> {
  const socket: Writable<Socket> = {
    protocol: row.protocol,
    family: row.family,
    state: row.state,
    local: { address: row.localAddress, port: row.localPort },
  };
  if (row.remoteAddress !== undefined) socket.remote = { address: row.remoteAddress, port: row.remotePort };
  socket.queues =
    row.state === "LISTEN"
      ? { accepting: row.receiveQueue, backlog: row.sendQueue }
      : { receiveBytes: row.receiveQueue, sendBytes: row.sendQueue };
  if (row.timer !== undefined) socket.timer = timerOf(row, row.timer);
  if (row.uid !== undefined) socket.uid = row.uid;
  if (row.inode !== 0) socket.inode = row.inode;
  socket.cookie = formatCookie(row.cookieHigh, row.cookieLow);
  if (row.netns !== undefined) socket.netns = row.netns;
  if (row.shutdown !== undefined) socket.shutdown = row.shutdown;
  if (row.v6only !== undefined) socket.v6only = row.v6only;
  if (row.mark !== undefined) socket.mark = row.mark;
  if (row.cgroupId !== undefined) socket.cgroupId = row.cgroupId;
  if (row.options !== undefined) socket.options = row.options;
  return socket;
}

/** The other way: what a row has a place for. Answers the socket. */
export function fillRow(row: SocketRow, socket: Socket): Socket {
  const { queues, timer, cookie, info } = socket;
  row.protocol = socket.protocol;
  row.family = socket.family;
  row.state = socket.state;
  row.localAddress = socket.local.address;
  row.localPort = socket.local.port;
  row.remoteAddress = socket.remote?.address;
  row.remotePort = socket.remote?.port ?? 0;
  row.receiveQueue = queues === undefined ? 0 : "accepting" in queues ? queues.accepting : queues.receiveBytes;
  row.sendQueue = queues === undefined ? 0 : "accepting" in queues ? (queues.backlog ?? 0) : queues.sendBytes;
  row.timer = timer?.kind;
  row.remainingMs = timer?.remainingMs ?? 0;
  row.retransmits = timer?.retransmits ?? 0;
  row.uid = socket.uid;
  row.inode = socket.inode ?? 0;
  row.cookieHigh = Number.parseInt(cookie?.slice(2, 10) ?? "0", 16);
  row.cookieLow = Number.parseInt(cookie?.slice(10) ?? "0", 16);
  row.netns = socket.netns;
  row.shutdown = socket.shutdown;
  row.v6only = socket.v6only;
  row.mark = socket.mark;
  row.cgroupId = socket.cgroupId;
  row.options = socket.options;
  if (row.activity !== undefined) {
    row.activity.lastDataReceivedMs = info?.lastDataReceivedMs;
    row.activity.lastAckReceivedMs = info?.lastAckReceivedMs;
  }
  return socket;
}

function timerOf(row: SocketRow, kind: TimerKind): SocketTimer {
  return { kind, remainingMs: row.remainingMs, retransmits: row.retransmits };
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** "0x" and 16 hexadecimal digits. */
export function formatCookie(high: number, low: number): string {
  return `0x${hex32(high)}${hex32(low)}`;
}

function hex32(word: number): string {
  return DIGITS[word >>> 24]! + DIGITS[(word >>> 16) & 255]! + DIGITS[(word >>> 8) & 255]! + DIGITS[word & 255]!;
}
