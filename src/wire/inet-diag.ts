/** sock_diag's inet family (include/uapi/linux/inet_diag.h): requests to bytes, answers to words. Pure; the machine's own byte order. */
import type {
  Family,
  Protocol,
  Socket,
  SocketMemory,
  SocketOptionName,
  SocketTimer,
  TimerKind,
} from "../tcp/socket.ts";
import { stateOfKernel } from "../tcp/states.ts";
import type { SocketState } from "../tcp/states.ts";
import type { AddressTexts } from "./address-texts.ts";
import { LITTLE_ENDIAN, NLMSG_HEADER_BYTES, eachAttribute } from "./netlink.ts";
import { defineStruct, offsetOf } from "./struct.ts";
import { decodeTcpInfo } from "./tcp-info.ts";

export const SOCK_DIAG_BY_FAMILY = 20;

export const inetDiagReqV2 = defineStruct({
  name: "inet_diag_req_v2",
  sizeBytes: 56,
  fields: [
    ["sdiag_family", "u8", 0],
    ["sdiag_protocol", "u8", 1],
    ["idiag_ext", "u8", 2],
    ["pad", "u8", 3],
    ["idiag_states", "u32", 4],
    ["id.idiag_sport", "be16", 8],
    ["id.idiag_dport", "be16", 10],
    ["id.idiag_src", "be32x4", 12],
    ["id.idiag_dst", "be32x4", 28],
    ["id.idiag_if", "u32", 44],
    ["id.idiag_cookie", "u32x2", 48],
  ],
});

export const inetDiagMsg = defineStruct({
  name: "inet_diag_msg",
  sizeBytes: 72,
  fields: [
    ["idiag_family", "u8", 0],
    ["idiag_state", "u8", 1],
    ["idiag_timer", "u8", 2],
    ["idiag_retrans", "u8", 3],
    ["id.idiag_sport", "be16", 4],
    ["id.idiag_dport", "be16", 6],
    ["id.idiag_src", "be32x4", 8],
    ["id.idiag_dst", "be32x4", 24],
    ["id.idiag_if", "u32", 40],
    ["id.idiag_cookie", "u32x2", 44],
    ["idiag_expires", "u32", 52],
    ["idiag_rqueue", "u32", 56],
    ["idiag_wqueue", "u32", 60],
    ["idiag_uid", "u32", 64],
    ["idiag_inode", "u32", 68],
  ],
});

/** Offsets from the start of the netlink message, as plain constants for the hot path. */
const AT = {
  family: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_family"),
  state: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_state"),
  timer: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_timer"),
  retrans: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_retrans"),
  sport: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "id.idiag_sport"),
  dport: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "id.idiag_dport"),
  src: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "id.idiag_src"),
  dst: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "id.idiag_dst"),
  device: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "id.idiag_if"),
  cookie: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "id.idiag_cookie"),
  expires: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_expires"),
  rqueue: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_rqueue"),
  wqueue: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_wqueue"),
  uid: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_uid"),
  inode: NLMSG_HEADER_BYTES + offsetOf(inetDiagMsg, "idiag_inode"),
  attributes: NLMSG_HEADER_BYTES + inetDiagMsg.sizeBytes,
} as const;

/** A message shorter than this is no answer of inet_diag. */
export const MIN_DIAG_MESSAGE_BYTES = AT.attributes;

const AF_INET = 2;
const AF_INET6 = 10;

/** INET_DIAG_*: what can be asked for (idiag_ext, bit n-1) and what comes back. */
const ATTRIBUTE = {
  INFO: 2,
  CONG: 4,
  SKMEMINFO: 7,
  SHUTDOWN: 8,
  SKV6ONLY: 11,
  MARK: 15,
  ULP_INFO: 19,
  CGROUP_ID: 21,
  SOCKOPT: 22,
} as const;
const ULP_INFO_NAME = 1;
export const REQUEST_BYTECODE = 1;
/** INFO, CONG and SKMEMINFO. */
export const EXTENSIONS_DETAILS =
  (1 << (ATTRIBUTE.INFO - 1)) | (1 << (ATTRIBUTE.CONG - 1)) | (1 << (ATTRIBUTE.SKMEMINFO - 1));

export interface DiagRequest {
  readonly family: Family;
  readonly protocol: Protocol;
  /** idiag_states: bit n is the kernel's state number n. */
  readonly kernelStates: number;
  readonly extensions?: number;
  readonly localPort?: number;
  readonly remotePort?: number;
  /** The rest of a full identity, for an exact get: 16 bytes each, IPv4 in the first four. */
  readonly identity?: {
    readonly local: Uint8Array;
    readonly remote: Uint8Array;
    readonly interfaceIndex: number;
    readonly cookie: bigint;
  };
}

/** struct inet_diag_req_v2. */
export function encodeDiagRequest(request: DiagRequest): Uint8Array {
  const bytes = new Uint8Array(inetDiagReqV2.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(offsetOf(inetDiagReqV2, "sdiag_family"), request.family === "ipv4" ? AF_INET : AF_INET6);
  view.setUint8(offsetOf(inetDiagReqV2, "sdiag_protocol"), request.protocol === "tcp" ? 6 : 17);
  view.setUint8(offsetOf(inetDiagReqV2, "idiag_ext"), request.extensions ?? 0);
  view.setUint32(offsetOf(inetDiagReqV2, "idiag_states"), request.kernelStates >>> 0, LITTLE_ENDIAN);
  view.setUint16(offsetOf(inetDiagReqV2, "id.idiag_sport"), request.localPort ?? 0, false);
  view.setUint16(offsetOf(inetDiagReqV2, "id.idiag_dport"), request.remotePort ?? 0, false);
  if (request.identity !== undefined) {
    const { local, remote, interfaceIndex, cookie } = request.identity;
    bytes.set(local, offsetOf(inetDiagReqV2, "id.idiag_src"));
    bytes.set(remote, offsetOf(inetDiagReqV2, "id.idiag_dst"));
    view.setUint32(offsetOf(inetDiagReqV2, "id.idiag_if"), interfaceIndex, LITTLE_ENDIAN);
    // Two words, low one first, whatever the byte order (sock_diag_save_cookie).
    view.setUint32(offsetOf(inetDiagReqV2, "id.idiag_cookie"), Number(cookie & 0xffffffffn), LITTLE_ENDIAN);
    view.setUint32(offsetOf(inetDiagReqV2, "id.idiag_cookie") + 4, Number(cookie >> 32n), LITTLE_ENDIAN);
  }
  return bytes;
}

/** The kernel's state numbers that are ours: 7 (CLOSE) is BOUND for anything that sock_diag still shows. undefined: not a state we know. */
export function stateAtMessage(view: DataView, start: number): SocketState | undefined {
  const kernel = view.getUint8(start + AT.state);
  return kernel === 7 ? "BOUND" : stateOfKernel(kernel);
}

/** The low and the high word of the cookie. */
export function cookieWords(view: DataView, start: number): { readonly low: number; readonly high: number } {
  return {
    low: view.getUint32(start + AT.cookie, LITTLE_ENDIAN),
    high: view.getUint32(start + AT.cookie + 4, LITTLE_ENDIAN),
  };
}

/** Is this message whole, of a family and in a state that we know? Anything else is counted and left out. */
export function isDiagMessage(view: DataView, start: number, end: number): boolean {
  if (end - start < MIN_DIAG_MESSAGE_BYTES) return false;
  const family = view.getUint8(start + AT.family);
  return (family === AF_INET || family === AF_INET6) && stateAtMessage(view, start) !== undefined;
}

const TIMERS: readonly (TimerKind | undefined)[] = [
  undefined,
  "retransmit",
  "keepalive",
  "time-wait",
  "zero-window-probe",
  "delayed-ack",
];

export interface DecodeContext {
  readonly protocol: Protocol;
  readonly texts: AddressTexts;
  /** The name of a device by its index, or undefined when it is gone. */
  readonly interfaceName: (index: number) => string | undefined;
  readonly netns?: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One answer of the kernel, which `isDiagMessage` has accepted. Unknown attributes are skipped. */
export function decodeSocket(view: DataView, start: number, end: number, context: DecodeContext): Socket {
  const ipv4 = view.getUint8(start + AT.family) === AF_INET;
  const state = stateAtMessage(view, start) ?? "CLOSED";
  const device = view.getUint32(start + AT.device, LITTLE_ENDIAN);
  const texts = context.texts;
  const port = view.getUint16(start + AT.sport, false);
  const address = ipv4 ? texts.ipv4(view, start + AT.src) : texts.ipv6(view, start + AT.src);
  const name = device === 0 ? undefined : (context.interfaceName(device) ?? `if${device}`);
  const socket: Writable<Socket> = {
    protocol: context.protocol,
    family: ipv4 ? "ipv4" : "ipv6",
    state,
    local: name === undefined ? { address, port } : { address, port, interface: name },
  };
  const remotePort = view.getUint16(start + AT.dport, false);
  // A BOUND socket that was connected once keeps its old peer, and the kernel's filters see it.
  if (remotePort !== 0 || (state !== "LISTEN" && state !== "BOUND")) {
    socket.remote = {
      address: ipv4 ? texts.ipv4(view, start + AT.dst) : texts.ipv6(view, start + AT.dst),
      port: remotePort,
    };
  }
  const received = view.getUint32(start + AT.rqueue, LITTLE_ENDIAN);
  const sent = view.getUint32(start + AT.wqueue, LITTLE_ENDIAN);
  socket.queues =
    state === "LISTEN" ? { accepting: received, backlog: sent } : { receiveBytes: received, sendBytes: sent };
  const timer = decodeTimer(view, start);
  if (timer !== undefined) socket.timer = timer;
  const inode = view.getUint32(start + AT.inode, LITTLE_ENDIAN);
  const uid = view.getUint32(start + AT.uid, LITTLE_ENDIAN);
  // Without an inode a uid of 0 says nothing: TIME-WAIT and request sockets have no owner to tell, and kernels up to 6.12 write 0 for
  // orphans (sock_i_uid). It would read as root.
  if (inode !== 0) {
    socket.uid = uid;
    socket.inode = inode;
  } else if (uid !== 0) {
    socket.uid = uid;
  }
  socket.cookie = formatCookie(
    view.getUint32(start + AT.cookie + 4, LITTLE_ENDIAN),
    view.getUint32(start + AT.cookie, LITTLE_ENDIAN),
  );
  if (context.netns !== undefined) socket.netns = context.netns;
  if (end - start > AT.attributes) {
    eachAttribute(view, start + AT.attributes, end, (type, from, to) => decodeAttribute(socket, type, view, from, to));
  }
  return socket;
}

function decodeTimer(view: DataView, start: number): SocketTimer | undefined {
  const kind = TIMERS[view.getUint8(start + AT.timer)];
  if (kind === undefined) return undefined;
  return {
    kind,
    // The kernel's jiffies can be past: it then writes a wrapped negative number.
    remainingMs: Math.max(0, view.getInt32(start + AT.expires, LITTLE_ENDIAN)),
    retransmits: view.getUint8(start + AT.retrans),
  };
}

function decodeAttribute(socket: Writable<Socket>, type: number, view: DataView, from: number, to: number): void {
  const length = to - from;
  switch (type) {
    case ATTRIBUTE.SHUTDOWN:
      if (length >= 1) socket.shutdown = view.getUint8(from);
      break;
    case ATTRIBUTE.SKV6ONLY:
      if (length >= 1) socket.v6only = view.getUint8(from) !== 0;
      break;
    case ATTRIBUTE.MARK:
      if (length >= 4) {
        const mark = view.getUint32(from, LITTLE_ENDIAN);
        if (mark !== 0) socket.mark = mark;
      }
      break;
    case ATTRIBUTE.CGROUP_ID:
      if (length >= 8) {
        const id = Number(view.getBigUint64(from, LITTLE_ENDIAN));
        // 0 is a socket of before cgroups or of a v1 hierarchy.
        if (id !== 0 && Number.isSafeInteger(id)) socket.cgroupId = id;
      }
      break;
    case ATTRIBUTE.SOCKOPT:
      if (length >= 2) socket.options = decodeOptions(view.getUint8(from), view.getUint8(from + 1));
      break;
    case ATTRIBUTE.INFO:
      if (length > 0 && socket.protocol === "tcp") socket.info = decodeTcpInfo(view, from, to);
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

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** "0x" and 16 hexadecimal digits. */
export function formatCookie(high: number, low: number): string {
  return `0x${hex32(high)}${hex32(low)}`;
}

function hex32(word: number): string {
  return DIGITS[word >>> 24]! + DIGITS[(word >>> 16) & 255]! + DIGITS[(word >>> 8) & 255]! + DIGITS[word & 255]!;
}
