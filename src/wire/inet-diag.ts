/**
 * sock_diag's inet family (include/uapi/linux/inet_diag.h): the structs, requests as bytes, and what an answer is at first sight. Pure; the
 * machine's own byte order.
 */
import type { Family, Protocol } from "../tcp/socket.ts";
import { stateOfKernel } from "../tcp/states.ts";
import type { SocketState } from "../tcp/states.ts";
import { LITTLE_ENDIAN, NLMSG_HEADER_BYTES } from "./netlink.ts";
import { defineStruct, offsetOf } from "./struct.ts";

export const SOCK_DIAG_BY_FAMILY = 20;
export const SOCK_DESTROY = 21;

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

/** The request of before Linux 3.3. It asks for both families of TCP at once, which no newer one can. */
export const TCPDIAG_GETSOCK = 18;

export const inetDiagReq = defineStruct({
  name: "inet_diag_req",
  sizeBytes: 60,
  fields: [
    ["idiag_family", "u8", 0],
    ["idiag_src_len", "u8", 1],
    ["idiag_dst_len", "u8", 2],
    ["idiag_ext", "u8", 3],
    ["id.idiag_sport", "be16", 4],
    ["id.idiag_dport", "be16", 6],
    ["id.idiag_src", "be32x4", 8],
    ["id.idiag_dst", "be32x4", 24],
    ["id.idiag_if", "u32", 40],
    ["id.idiag_cookie", "u32x2", 44],
    ["idiag_states", "u32", 52],
    ["idiag_dbs", "u32", 56],
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
export const AT = {
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

export const AF_INET = 2;
const AF_INET6 = 10;

/** INET_DIAG_*: what can be asked for (idiag_ext, bit n-1) and what comes back. */
export const ATTRIBUTE = {
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
export const REQUEST_BYTECODE = 1;
export const EXTENSIONS_TCP_INFO = 1 << (ATTRIBUTE.INFO - 1);
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

/** struct inet_diag_req, without an identity. */
export function encodeCompatRequest(
  request: Pick<DiagRequest, "kernelStates" | "extensions" | "localPort" | "remotePort">,
): Uint8Array {
  const bytes = new Uint8Array(inetDiagReq.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(offsetOf(inetDiagReq, "idiag_ext"), request.extensions ?? 0);
  view.setUint32(offsetOf(inetDiagReq, "idiag_states"), request.kernelStates >>> 0, LITTLE_ENDIAN);
  view.setUint16(offsetOf(inetDiagReq, "id.idiag_sport"), request.localPort ?? 0, false);
  view.setUint16(offsetOf(inetDiagReq, "id.idiag_dport"), request.remotePort ?? 0, false);
  return bytes;
}

/** Whole words of struct inet_diag_sockid: ports, addresses, device, cookie. */
const IDENTITY_WORDS = (AT.cookie + 8 - AT.sport) / 4;

/**
 * The request for exactly the socket of an answer: inet_diag_sockid is the same in both, device and cookie included. Writes a struct
 * inet_diag_req_v2. Word by word: a hundred thousand views would have to be cleared away again.
 */
export function copyIdentity(view: DataView, start: number, protocol: Protocol, target: DataView, at: number): void {
  target.setUint32(at, 0);
  target.setUint8(at + offsetOf(inetDiagReqV2, "sdiag_family"), view.getUint8(start + AT.family));
  target.setUint8(at + offsetOf(inetDiagReqV2, "sdiag_protocol"), protocol === "tcp" ? 6 : 17);
  target.setUint32(at + offsetOf(inetDiagReqV2, "idiag_states"), 0);
  const [from, to] = [start + AT.sport, at + offsetOf(inetDiagReqV2, "id.idiag_sport")];
  for (let word = 0; word < IDENTITY_WORDS; word++) target.setUint32(to + 4 * word, view.getUint32(from + 4 * word));
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
