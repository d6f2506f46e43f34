/**
 * SOCK_DESTROY for many connections. A target is kept as the kernel named it in the dump (struct inet_diag_req_v2 with the whole
 * inet_diag_sockid: ports, addresses, device, cookie), so that nothing can be lost between reading and acting.
 *
 * Requests travel a hundred in a send. A request without NLM_F_ACK is answered only when it fails (netlink_rcv_skb), so the last one alone
 * asks to be acknowledged: what comes before its answer are the failures.
 */
import { errnoName } from "../../base/errno.ts";
import { formatIpv4Bytes, formatIpv6Bytes, parseIp } from "../../tcp/ip-address.ts";
import { formatCookie } from "../../tcp/socket-row.ts";
import { CookieSet } from "../../wire/cookie-set.ts";
import { AF_INET, SOCK_DESTROY, encodeDiagRequest, inetDiagReqV2 } from "../../wire/inet-diag.ts";
import {
  LITTLE_ENDIAN,
  NLMSG_ERROR,
  NLMSG_HEADER_BYTES,
  NLM_F_ACK,
  NLM_F_REQUEST,
  decodeErrno,
} from "../../wire/netlink.ts";
import { offsetOf } from "../../wire/struct.ts";
import type { ConnectionId, DestroyAnswer, TargetList } from "../actions.ts";
import type { SocketBatch } from "../host.ts";
import { EPROTO } from "./constants.ts";
import { isIdentityBatch } from "./diag-dump.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

const BODY_BYTES = inetDiagReqV2.sizeBytes;
const REQUEST_BYTES = NLMSG_HEADER_BYTES + BODY_BYTES;
const MOST_IN_A_SEND = 100;
const AT_FAMILY = offsetOf(inetDiagReqV2, "sdiag_family");
const AT_LOCAL_PORT = offsetOf(inetDiagReqV2, "id.idiag_sport");
const AT_REMOTE_PORT = offsetOf(inetDiagReqV2, "id.idiag_dport");
const AT_LOCAL = offsetOf(inetDiagReqV2, "id.idiag_src");
const AT_REMOTE = offsetOf(inetDiagReqV2, "id.idiag_dst");
const AT_DEVICE = offsetOf(inetDiagReqV2, "id.idiag_if");
const AT_COOKIE = offsetOf(inetDiagReqV2, "id.idiag_cookie");

export interface Devices {
  readonly indexOf: (name: string) => number | undefined;
  readonly nameOf: (index: number) => string | undefined;
}

export class DiagTargets implements TargetList {
  length = 0;
  #bytes = new Uint8Array(64 * BODY_BYTES);
  #view = new DataView(this.#bytes.buffer);
  readonly #cookies = new CookieSet();
  readonly #devices: Devices;

  constructor(devices: Devices) {
    this.#devices = devices;
  }

  addFrom(batch: SocketBatch, index: number): boolean {
    if (!isIdentityBatch(batch)) return false;
    const state = batch.stateAt(index);
    if (state === "LISTEN" || state === "BOUND" || state === "CLOSED") return false;
    const at = this.#room();
    return batch.copyIdentity(index, this.#bytes, at) && this.#keep(at);
  }

  add({ family, local, remote, interface: device, cookie }: ConnectionId): boolean {
    const interfaceIndex = device === undefined ? 0 : this.#devices.indexOf(device);
    const [near, far] = [sixteenBytes(local.address), sixteenBytes(remote.address)];
    if (interfaceIndex === undefined || near === undefined || far === undefined || !/^0x[0-9a-f]{1,16}$/.test(cookie))
      return false;
    const identity = { local: near, remote: far, interfaceIndex, cookie: BigInt(cookie) };
    const at = this.#room();
    this.#bytes.set(
      encodeDiagRequest({
        family,
        protocol: "tcp",
        kernelStates: 0,
        localPort: local.port,
        remotePort: remote.port,
        identity,
      }),
      at,
    );
    return this.#keep(at);
  }

  at(index: number): ConnectionId {
    if (index < 0 || index >= this.length) throw new RangeError(`there is no target ${index}`);
    const at = index * BODY_BYTES;
    const ipv4 = this.#bytes[at + AT_FAMILY] === AF_INET;
    const address = (from: number): string =>
      ipv4
        ? formatIpv4Bytes(this.#bytes.subarray(from, from + 4))
        : formatIpv6Bytes(this.#bytes.subarray(from, from + 16));
    const device = this.#view.getUint32(at + AT_DEVICE, LITTLE_ENDIAN);
    const { low, high } = this.#cookie(at);
    return {
      family: ipv4 ? "ipv4" : "ipv6",
      local: { address: address(at + AT_LOCAL), port: this.#view.getUint16(at + AT_LOCAL_PORT, false) },
      remote: { address: address(at + AT_REMOTE), port: this.#view.getUint16(at + AT_REMOTE_PORT, false) },
      interface: device === 0 ? undefined : (this.#devices.nameOf(device) ?? `if${device}`),
      cookie: formatCookie(high, low),
    };
  }

  has(batch: SocketBatch, index: number): boolean {
    if (!isIdentityBatch(batch)) return false;
    const { low, high } = batch.cookieAt(index);
    return this.#cookies.has(low, high);
  }

  /** One message for one send, its requests numbered from `sequence` on. */
  encode(from: number, to: number, sequence: number): Uint8Array {
    const message = new Uint8Array((to - from) * REQUEST_BYTES);
    const view = new DataView(message.buffer);
    for (let index = from; index < to; index++) {
      const at = (index - from) * REQUEST_BYTES;
      view.setUint32(at, REQUEST_BYTES, LITTLE_ENDIAN);
      view.setUint16(at + 4, SOCK_DESTROY, LITTLE_ENDIAN);
      view.setUint16(at + 6, index === to - 1 ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST, LITTLE_ENDIAN);
      view.setUint32(at + 8, (sequence + index - from) >>> 0, LITTLE_ENDIAN);
      message.set(this.#bytes.subarray(index * BODY_BYTES, (index + 1) * BODY_BYTES), at + NLMSG_HEADER_BYTES);
    }
    return message;
  }

  #room(): number {
    const at = this.length * BODY_BYTES;
    if (at + BODY_BYTES > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  /** Counts what was written at `at`, if it is a connection: without a remote port the kernel would look for a listener. */
  #keep(at: number): boolean {
    if (this.#view.getUint16(at + AT_REMOTE_PORT, false) === 0) return false;
    const { low, high } = this.#cookie(at);
    // All ones is INET_DIAG_NOCOOKIE: whatever socket has these addresses.
    if (low === 0xffffffff && high === 0xffffffff) return false;
    this.#cookies.add(low, high);
    this.length++;
    return true;
  }

  #cookie(at: number): { readonly low: number; readonly high: number } {
    return {
      low: this.#view.getUint32(at + AT_COOKIE, LITTLE_ENDIAN),
      high: this.#view.getUint32(at + AT_COOKIE + 4, LITTLE_ENDIAN),
    };
  }
}

function sixteenBytes(address: string): Uint8Array | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(ip.bytes);
  return bytes;
}

export function destroyByNetlink(
  open: () => NetlinkSocket | { readonly errno: string },
  targets: DiagTargets,
  from: number,
  to: number,
): DestroyAnswer {
  const failed: { index: number; errno: string }[] = [];
  const socket = open();
  if ("errno" in socket) {
    for (let index = from; index < to; index++) failed.push({ index, errno: socket.errno });
    return { destroyed: 0, failed };
  }
  try {
    for (let start = from; start < to; start += MOST_IN_A_SEND)
      sendSome(socket, targets, start, Math.min(start + MOST_IN_A_SEND, to), failed);
  } finally {
    socket.close();
  }
  return { destroyed: to - from - failed.length, failed };
}

function sendSome(
  socket: NetlinkSocket,
  targets: DiagTargets,
  from: number,
  to: number,
  failed: { index: number; errno: string }[],
): void {
  const sequence = socket.takeSequences(to - from);
  const failedBefore = failed.length;
  const sent = socket.send(targets.encode(from, to, sequence));
  const lost = sent < 0 ? -sent : readAnswers(socket, sequence, from, to, failed);
  if (lost === 0) return;
  // Which of them were done nobody can say: none counts as done.
  failed.length = failedBefore;
  for (let index = from; index < to; index++) failed.push({ index, errno: errnoName(lost) });
}

/** Reads up to the last request's answer. 0, or the errno of what went wrong on the way. */
function readAnswers(
  socket: NetlinkSocket,
  sequence: number,
  from: number,
  to: number,
  failed: { index: number; errno: string }[],
): number {
  const buffer = new Uint8Array(4096);
  const view = new DataView(buffer.buffer);
  for (;;) {
    const length = socket.receive(buffer);
    if (length <= 0) return length === 0 ? EPROTO : -length;
    for (let at = 0; length - at >= NLMSG_HEADER_BYTES;) {
      const size = view.getUint32(at, LITTLE_ENDIAN);
      if (size < NLMSG_HEADER_BYTES || at + size > length) return EPROTO;
      const index = from + ((view.getUint32(at + 8, LITTLE_ENDIAN) - sequence) >>> 0);
      if (view.getUint16(at + 4, LITTLE_ENDIAN) === NLMSG_ERROR && index < to) {
        const errno = decodeErrno(view, at, at + size) ?? EPROTO;
        if (errno !== 0) failed.push({ index, errno: errnoName(errno) });
        if (index === to - 1) return 0;
      }
      at += (size + 3) & ~3;
    }
  }
}
