/**
 * Dumps of sock_diag, batch by batch. A dump is no snapshot: under churn the kernel repeats sockets and misses some, and it does not set
 * NLM_F_DUMP_INTR when it does (docs/kernel/sock-diag.md), so repeated ones are taken out here by their cookie.
 */
import { errnoName } from "../../base/errno.ts";
import type { Family, Protocol, Socket } from "../../tcp/socket.ts";
import type { SocketRow } from "../../tcp/socket-row.ts";
import type { SocketState } from "../../tcp/states.ts";
import { maskHas } from "../../tcp/states.ts";
import { AddressTexts } from "../../wire/address-texts.ts";
import { CookieSet } from "../../wire/cookie-set.ts";
import { decodeRow, decodeSocket } from "../../wire/decode-socket.ts";
import type { DecodeContext } from "../../wire/decode-socket.ts";
import {
  EXTENSIONS_DETAILS,
  EXTENSIONS_TCP_INFO,
  REQUEST_BYTECODE,
  SOCK_DIAG_BY_FAMILY,
  TCPDIAG_GETSOCK,
} from "../../wire/inet-diag.ts";
import { cookieWords, copyIdentity, encodeCompatRequest, encodeDiagRequest } from "../../wire/inet-diag.ts";
import { isDiagMessage, stateAtMessage } from "../../wire/inet-diag.ts";
import {
  LITTLE_ENDIAN,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER_BYTES,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
} from "../../wire/netlink.ts";
import { align4, decodeErrno, encodeMessage } from "../../wire/netlink.ts";
import type { DumpSummary, SocketBatch, SocketDump } from "../host.ts";
import { EINVAL, EPERM, EPROTO } from "./constants.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/** The kernel fills at most 32 448 bytes for one recv (netlink_dump); a larger buffer does not help. */
const BUFFER_BYTES = 32_768;

export interface DiagDumpPlan {
  readonly protocol: Protocol;
  readonly families: readonly Family[];
  readonly kernelStates: number;
  readonly localPort?: number;
  readonly remotePort?: number;
  readonly details?: boolean | "tcp_info";
  readonly bytecode?: Uint8Array;
  /** Both families of TCP in one walk of the kernel's table, in its order: half the time where few of many sockets are wanted. */
  readonly mixed?: boolean;
  readonly exactFilter: boolean;
  readonly blind: readonly SocketState[];
  readonly interfaceName: (index: number) => string | undefined;
  readonly netns?: number;
}

type Summary = { -readonly [K in keyof DumpSummary]: DumpSummary[K] } & { failed: { family: Family; errno: string }[] };

/** Opens a socket for each iteration, and closes it when the iteration ends, early or not. */
export function dumpByNetlink(open: () => NetlinkSocket | { readonly errno: string }, plan: DiagDumpPlan): SocketDump {
  const summary: Summary = {
    exactFilter: plan.exactFilter,
    interrupted: false,
    malformed: 0,
    failed: [],
    blind: plan.blind,
  };
  return {
    summary,
    *[Symbol.iterator]() {
      const socket = open();
      if ("errno" in socket) {
        summary.failed = plan.families.map((family) => ({ family, errno: socket.errno }));
        return;
      }
      try {
        const seen = new CookieSet();
        const batch = new DiagBatch(seen, summary, {
          protocol: plan.protocol,
          texts: new AddressTexts(),
          interfaceName: plan.interfaceName,
          ...(plan.netns === undefined ? {} : { netns: plan.netns }),
        });
        if (plan.mixed === true && (yield* dumpMixed(socket, plan, batch))) return;
        for (const family of plan.families) yield* dumpFamily(socket, family, plan, batch, summary);
      } finally {
        socket.close();
      }
    },
  };
}

function extensionsOf({ details }: DiagDumpPlan): number {
  return details === true ? EXTENSIONS_DETAILS : details === "tcp_info" ? EXTENSIONS_TCP_INFO : 0;
}

/** False: this kernel does not take the old request, and nothing was answered. */
function* dumpMixed(
  socket: NetlinkSocket,
  plan: DiagDumpPlan,
  batch: DiagBatch,
): Generator<SocketBatch, boolean, undefined> {
  const body = encodeCompatRequest({
    kernelStates: plan.kernelStates,
    extensions: extensionsOf(plan),
    ...(plan.localPort === undefined ? {} : { localPort: plan.localPort }),
    ...(plan.remotePort === undefined ? {} : { remotePort: plan.remotePort }),
  });
  return (yield* answersTo(socket, body, plan.bytecode, batch, TCPDIAG_GETSOCK)) === 0;
}

function* dumpFamily(
  socket: NetlinkSocket,
  family: Family,
  plan: DiagDumpPlan,
  batch: DiagBatch,
  summary: Summary,
): Generator<SocketBatch, void, undefined> {
  const body = encodeDiagRequest({
    family,
    protocol: plan.protocol,
    kernelStates: plan.kernelStates,
    extensions: extensionsOf(plan),
    ...(plan.localPort === undefined ? {} : { localPort: plan.localPort }),
    ...(plan.remotePort === undefined ? {} : { remotePort: plan.remotePort }),
  });
  const end = yield* answersTo(socket, body, plan.bytecode, batch);
  if (end === 0) return;
  // A program with an operation that this kernel does not have (EINVAL) or that needs CAP_NET_ADMIN (EPERM): without it, and all is filtered later.
  if (plan.bytecode !== undefined && (end === EINVAL || end === EPERM)) {
    summary.exactFilter = false;
    const again = yield* answersTo(socket, body, undefined, batch);
    if (again !== 0) summary.failed.push({ family, errno: errnoName(again) });
  } else summary.failed.push({ family, errno: errnoName(end) });
}

/** Ends with the errno of the dump, 0 for a whole one. */
function* answersTo(
  socket: NetlinkSocket,
  body: Uint8Array,
  bytecode: Uint8Array | undefined,
  batch: DiagBatch,
  type = SOCK_DIAG_BY_FAMILY,
): Generator<SocketBatch, number, undefined> {
  const sequence = socket.nextSequence();
  const attributes = bytecode === undefined ? [] : [{ type: REQUEST_BYTECODE, value: bytecode }];
  const sent = socket.send(encodeMessage({ type, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence }, body, attributes));
  if (sent < 0) return -sent;
  for (;;) {
    const length = socket.receive(batch.buffer);
    if (length <= 0) return length === 0 ? EPROTO : -length;
    const end = batch.load(length, sequence);
    if (batch.length > 0) yield batch;
    if (end !== undefined) return end;
  }
}

/** Batches whose sockets can be named as the kernel named them. */
export interface IdentityBatch extends SocketBatch {
  /** Writes the request for exactly this socket; false for what is no TCP socket. */
  copyIdentity(index: number, target: DataView, at: number): boolean;
  cookieAt(index: number): { readonly low: number; readonly high: number };
}

/** By what it can do: the bundled command has two copies of this file, one in the part that acts. */
export function isIdentityBatch(batch: SocketBatch): batch is IdentityBatch {
  return "copyIdentity" in batch;
}

/** One recv's worth of messages: their places in the buffer, decoded only when asked for. */
class DiagBatch implements IdentityBatch {
  readonly buffer = new Uint8Array(BUFFER_BYTES);
  length = 0;
  readonly #view = new DataView(this.buffer.buffer);
  readonly #starts = new Int32Array(BUFFER_BYTES / NLMSG_HEADER_BYTES);
  readonly #seen: CookieSet;
  readonly #summary: Summary;
  readonly #context: DecodeContext;

  constructor(seen: CookieSet, summary: Summary, context: DecodeContext) {
    this.#seen = seen;
    this.#summary = summary;
    this.#context = context;
  }

  /** Finds the messages in the first `length` bytes. Answers the errno with which the dump ended (0: done), undefined while it goes on. */
  load(length: number, sequence: number): number | undefined {
    const view = this.#view;
    this.length = 0;
    let at = 0;
    while (length - at >= NLMSG_HEADER_BYTES) {
      const size = view.getUint32(at, LITTLE_ENDIAN);
      if (size < NLMSG_HEADER_BYTES || at + size > length) {
        this.#summary.malformed++;
        return undefined;
      }
      const next = at + align4(size);
      if (view.getUint32(at + 8, LITTLE_ENDIAN) === sequence) {
        const type = view.getUint16(at + 4, LITTLE_ENDIAN);
        if ((view.getUint16(at + 6, LITTLE_ENDIAN) & NLM_F_DUMP_INTR) !== 0) this.#summary.interrupted = true;
        if (type === NLMSG_DONE) return decodeErrno(view, at, at + size) ?? 0;
        if (type === NLMSG_ERROR) return decodeErrno(view, at, at + size) ?? EPROTO;
        if (type === SOCK_DIAG_BY_FAMILY || type === TCPDIAG_GETSOCK) this.#take(at, at + size);
      }
      at = next;
    }
    // Too little for a header: the start of a message that was cut.
    if (at < length) this.#summary.malformed++;
    return undefined;
  }

  #take(start: number, end: number): void {
    if (!isDiagMessage(this.#view, start, end)) {
      this.#summary.malformed++;
      return;
    }
    const cookie = cookieWords(this.#view, start);
    if (this.#seen.add(cookie.low, cookie.high)) this.#starts[this.length++] = start;
  }

  stateAt(index: number): SocketState {
    return stateAtMessage(this.#view, this.#starts[index]!) ?? "CLOSED";
  }

  rowAt(index: number, row: SocketRow): boolean {
    const start = this.#starts[index]!;
    row.protocol = this.#context.protocol;
    row.netns = this.#context.netns;
    return decodeRow(this.#view, start, start + this.#view.getUint32(start, LITTLE_ENDIAN), this.#context.texts, row);
  }

  copyIdentity(index: number, target: DataView, at: number): boolean {
    if (this.#context.protocol !== "tcp") return false;
    copyIdentity(this.#view, this.#starts[index]!, this.#context.protocol, target, at);
    return true;
  }

  cookieAt(index: number): { readonly low: number; readonly high: number } {
    return cookieWords(this.#view, this.#starts[index]!);
  }

  socketAt(index: number): Socket {
    const start = this.#starts[index]!;
    return decodeSocket(this.#view, start, start + this.#view.getUint32(start, LITTLE_ENDIAN), this.#context);
  }
}

/** idiag_states for a set of ours: bound-only TCP sockets are bit 13 (TCP_BOUND_INACTIVE, 6.8), unconnected UDP ones TCP_CLOSE. */
export function kernelStatesOf(protocol: Protocol, states: number): number {
  if (protocol === "tcp") return states;
  return (states & (1 << 1)) | (maskHas(states, "BOUND") || maskHas(states, "CLOSED") ? 1 << 7 : 0);
}
