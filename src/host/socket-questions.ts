/** What a host is asked about sockets, binds and routes, and how it answers. */
import type { Filter } from "../tcp/filter/filter.ts";
import type { Family, Protocol } from "../tcp/socket.ts";
import type { SocketState, StateMask } from "../tcp/states.ts";
import type { SocketBatch } from "./socket-batch.ts";

export interface DumpRequest {
  readonly protocol: Protocol;
  /** Default: both. */
  readonly families?: readonly Family[];
  readonly states: StateMask;
  readonly localPort?: number;
  readonly remotePort?: number;
  readonly filter?: Filter;
  /** tcp_info, memory and congestion control too, or tcp_info alone. Costs the kernel and us time for each socket. */
  readonly details?: boolean | "tcp_info";
  /**
   * Nobody minds in which order they come: then both families of TCP can be had in one walk of the kernel's table. A walk for one family
   * alone passes over a hundred thousand sockets of the other in one system call of 18 ms.
   */
  readonly anyOrder?: boolean;
}

export interface SocketDump extends Iterable<SocketBatch> {
  /** Complete once the iteration has ended. */
  readonly summary: DumpSummary;
}

export interface DumpSummary {
  /** True: every socket that was handed over matches the request's filter. */
  readonly exactFilter: boolean;
  /** The kernel said that the table changed while it was walked (NLM_F_DUMP_INTR). */
  readonly interrupted: boolean;
  /** Messages that were cut short or made no sense, and were left out. */
  readonly malformed: number;
  /** Families that the kernel could not dump, with its answer. */
  readonly failed: readonly { readonly family: Family; readonly errno: string }[];
  /** Asked for, but this source or kernel cannot show them. */
  readonly blind: readonly SocketState[];
}

export interface SocketId {
  readonly protocol: Protocol;
  readonly family: Family;
  readonly local: { readonly address: string; readonly port: number; readonly interface?: string };
  readonly remote?: { readonly address: string; readonly port: number };
  /** Without it the answer is whatever socket has these addresses, and for a vanished connection its listener. */
  readonly cookie: string;
}

export interface BindAttempt {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  readonly v6only?: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly device?: string;
  /** Try as this user (needs to be root). */
  readonly uid?: number;
}

/** `result` is "ok" or the errno's name; `refused` says that the attempt could not be made at all, with the reason. */
export type BindAnswer =
  | { readonly result: string; readonly step: "socket" | "option" | "bind" }
  | { readonly refused: string; readonly errno?: string };

export interface SourceQuestion {
  /** Numeric, with its scope where it has one. */
  readonly remote: string;
  /** The address that the socket is bound to before it connects; left out: the kernel chooses. */
  readonly from?: string;
}

/** `errno` is what connect(), or the bind() before it, answers; `refused` says that it could not be tried at all. */
export type SourceAnswer =
  | { readonly source: string }
  | { readonly errno: string; readonly step: "socket" | "bind" | "connect" }
  | { readonly refused: string };

/** `errno` is the resolver's word: ENOTFOUND, EAI_AGAIN. */
export type NameAnswer = { readonly addresses: readonly string[] } | { readonly errno: string };
