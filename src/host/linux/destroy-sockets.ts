/**
 * SOCK_DESTROY for many connections. A target is kept as the kernel named it in the dump (struct inet_diag_req_v2 with the whole
 * inet_diag_sockid: ports, addresses, device, cookie), so that nothing can be lost between reading and acting; and as the request that will be
 * sent, so that nothing has to be made of it then.
 *
 * Several travel in a send. A request without NLM_F_ACK is answered only when it fails (netlink_rcv_skb), so the last one alone asks to be
 * acknowledged: what comes before its answer are the failures.
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

const REQUEST_BYTES = NLMSG_HEADER_BYTES + inetDiagReqV2.sizeBytes;
const AT_FLAGS = 6;
const AT_SEQUENCE = 8;
const at = (field: Parameters<typeof offsetOf<typeof inetDiagReqV2>>[1]): number =>
  NLMSG_HEADER_BYTES + offsetOf(inetDiagReqV2, field);
const AT_FAMILY = at("sdiag_family");
const AT_LOCAL_PORT = at("id.idiag_sport");
const AT_REMOTE_PORT = at("id.idiag_dport");
const AT_LOCAL = at("id.idiag_src");
const AT_REMOTE = at("id.idiag_dst");
const AT_DEVICE = at("id.idiag_if");
const AT_COOKIE = at("id.idiag_cookie");

/** 72 kB: a list that grows by as much never has to be copied. A send never reaches from one page into the next. */
const PAGE = 1000;
/** A send is worked off before it returns, and on most kernels nothing else gets that processor meanwhile. */
const MOST_IN_A_SEND = 50;

export interface Devices {
  readonly indexOf: (name: string) => number | undefined;
  readonly nameOf: (index: number) => string | undefined;
}

export class DiagTargets implements TargetList {
  length = 0;
  /** Requests, one after the other, numbered from 1 on. */
  readonly #pages: DataView[] = [];
  /** The last of them, where the next target goes. */
  #page = new DataView(new ArrayBuffer(0));
  readonly #cookies = new CookieSet();
  readonly #devices: Devices;

  constructor(devices: Devices) {
    this.#devices = devices;
  }

  addFrom(batch: SocketBatch, index: number): boolean {
    if (!isIdentityBatch(batch)) return false;
    const state = batch.stateAt(index);
    if (state === "LISTEN" || state === "BOUND" || state === "CLOSED") return false;
    const start = this.#room();
    return batch.copyIdentity(index, this.#page, start + NLMSG_HEADER_BYTES) && this.#keep(start);
  }

  add({ family, local, remote, interface: device, cookie }: ConnectionId): boolean {
    const interfaceIndex = device === undefined ? 0 : this.#devices.indexOf(device);
    const [near, far] = [sixteenBytes(local.address), sixteenBytes(remote.address)];
    if (interfaceIndex === undefined || near === undefined || far === undefined || !/^0x[0-9a-f]{1,16}$/.test(cookie))
      return false;
    const identity = { local: near, remote: far, interfaceIndex, cookie: BigInt(cookie) };
    const ports = { localPort: local.port, remotePort: remote.port };
    const start = this.#room();
    bytesOf(this.#page, start + NLMSG_HEADER_BYTES, inetDiagReqV2.sizeBytes).set(
      encodeDiagRequest({ family, protocol: "tcp", kernelStates: 0, ...ports, identity }),
    );
    return this.#keep(start);
  }

  at(index: number): ConnectionId {
    if (index < 0 || index >= this.length) throw new RangeError(`there is no target ${index}`);
    const page = this.#pageOf(index);
    const start = startOf(index);
    const ipv4 = page.getUint8(start + AT_FAMILY) === AF_INET;
    const address = (field: number): string =>
      ipv4 ? formatIpv4Bytes(bytesOf(page, start + field, 4)) : formatIpv6Bytes(bytesOf(page, start + field, 16));
    const device = page.getUint32(start + AT_DEVICE, LITTLE_ENDIAN);
    return {
      family: ipv4 ? "ipv4" : "ipv6",
      local: { address: address(AT_LOCAL), port: page.getUint16(start + AT_LOCAL_PORT, false) },
      remote: { address: address(AT_REMOTE), port: page.getUint16(start + AT_REMOTE_PORT, false) },
      interface: device === 0 ? undefined : (this.#devices.nameOf(device) ?? `if${device}`),
      cookie: formatCookie(
        page.getUint32(start + AT_COOKIE + 4, LITTLE_ENDIAN),
        page.getUint32(start + AT_COOKIE, LITTLE_ENDIAN),
      ),
    };
  }

  has(batch: SocketBatch, index: number): boolean {
    if (!isIdentityBatch(batch)) return false;
    const { low, high } = batch.cookieAt(index);
    return this.#cookies.has(low, high);
  }

  /** Where a send that begins with this one has to end. */
  endOfSend(from: number, to: number): number {
    return Math.min(from + MOST_IN_A_SEND, to, (Math.floor(from / PAGE) + 1) * PAGE);
  }

  /** The requests up to there, the last of which asks for an answer; valid until the next call. The number of each is its index and 1. */
  requests(from: number, to: number): Uint8Array {
    const page = this.#pageOf(from);
    const start = startOf(from);
    for (let index = from; index < to; index++)
      page.setUint16(
        start + (index - from) * REQUEST_BYTES + AT_FLAGS,
        index === to - 1 ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST,
        LITTLE_ENDIAN,
      );
    return bytesOf(page, start, (to - from) * REQUEST_BYTES);
  }

  #pageOf(index: number): DataView {
    return this.#pages[Math.floor(index / PAGE)]!;
  }

  /** Makes place for one more in `#page`; answers where. */
  #room(): number {
    if (this.length === this.#pages.length * PAGE) {
      this.#page = new DataView(new ArrayBuffer(PAGE * REQUEST_BYTES));
      this.#pages.push(this.#page);
    }
    return startOf(this.length);
  }

  /** Counts what was written there, if it is a connection: without a remote port the kernel would look for a listener. */
  #keep(start: number): boolean {
    const page = this.#page;
    if (page.getUint16(start + AT_REMOTE_PORT, false) === 0) return false;
    const low = page.getUint32(start + AT_COOKIE, LITTLE_ENDIAN);
    const high = page.getUint32(start + AT_COOKIE + 4, LITTLE_ENDIAN);
    // All ones is INET_DIAG_NOCOOKIE: whatever socket has these addresses.
    if (low === 0xffffffff && high === 0xffffffff) return false;
    page.setUint32(start, REQUEST_BYTES, LITTLE_ENDIAN);
    page.setUint16(start + 4, SOCK_DESTROY, LITTLE_ENDIAN);
    this.length++;
    page.setUint32(start + AT_SEQUENCE, this.length, LITTLE_ENDIAN);
    this.#cookies.add(low, high);
    return true;
  }
}

/** In its page. */
function startOf(index: number): number {
  return (index % PAGE) * REQUEST_BYTES;
}

function bytesOf(page: DataView, start: number, length: number): Uint8Array {
  return new Uint8Array(page.buffer, start, length);
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
  const answers = new DataView(new ArrayBuffer(4096));
  try {
    for (let start = from; start < to;) {
      const end = targets.endOfSend(start, to);
      sendSome(socket, answers, targets, start, end, failed);
      start = end;
    }
  } finally {
    socket.close();
  }
  return { destroyed: to - from - failed.length, failed };
}

function sendSome(
  socket: NetlinkSocket,
  answers: DataView,
  targets: DiagTargets,
  from: number,
  to: number,
  failed: { index: number; errno: string }[],
): void {
  const failedBefore = failed.length;
  const sent = socket.send(targets.requests(from, to));
  const lost = sent < 0 ? -sent : readAnswers(socket, answers, from, to, failed);
  if (lost === 0) return;
  // Which of them were done nobody can say: none counts as done.
  failed.length = failedBefore;
  for (let index = from; index < to; index++) failed.push({ index, errno: errnoName(lost) });
}

/** Reads up to the last request's answer. 0, or the errno of what went wrong on the way. */
function readAnswers(
  socket: NetlinkSocket,
  answers: DataView,
  from: number,
  to: number,
  failed: { index: number; errno: string }[],
): number {
  const buffer = new Uint8Array(answers.buffer);
  for (;;) {
    const length = socket.receive(buffer);
    if (length <= 0) return length === 0 ? EPROTO : -length;
    for (let start = 0; length - start >= NLMSG_HEADER_BYTES;) {
      const size = answers.getUint32(start, LITTLE_ENDIAN);
      if (size < NLMSG_HEADER_BYTES || start + size > length) return EPROTO;
      const index = answers.getUint32(start + AT_SEQUENCE, LITTLE_ENDIAN) - 1;
      if (answers.getUint16(start + 4, LITTLE_ENDIAN) === NLMSG_ERROR && index >= from && index < to) {
        const errno = decodeErrno(answers, start, start + size) ?? EPROTO;
        if (errno !== 0) failed.push({ index, errno: errnoName(errno) });
        if (index === to - 1) return 0;
      }
      start += (size + 3) & ~3;
    }
  }
}
