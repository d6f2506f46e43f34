/** What a guard is told, and what it reports. */
import type { Socket } from "node:net";
import { PortmortemError } from "../base/errors.ts";

export interface GuardOptions {
  /** Probes of the kernel on a connection on which nothing is in flight; tcp(7). Whole seconds: more precise times are rounded up. */
  readonly keepAlive?: { readonly idleMs: number; readonly intervalMs: number; readonly probes: number };
  /**
   * TCP_USER_TIMEOUT (RFC 5482): how long data may stay unacknowledged, or unsent because the peer's window is shut: a peer that reads nothing
   * for so long is given up too. With it, keepalive ends by this time and no more by the number of probes.
   */
  readonly userTimeoutMs?: number;
  /** Cuts a peer from which nothing came for so long, healthy or not. */
  readonly idleTimeoutMs?: number;
  readonly heartbeat?: {
    /** Asks after so long without a byte from the peer. */
    readonly everyMs: number;
    /** Any byte within it is an answer. */
    readonly timeoutMs: number;
    /** Writes what the peer will answer; where it writes nothing, nothing is waited for. Left out: a PING on http2 sessions, and nothing on others. */
    readonly send?: (socket: Socket) => unknown;
  };
}

export type GuardOption =
  | "keepAliveIdleMs"
  | "keepAliveIntervalMs"
  | "keepAliveProbes"
  | "userTimeoutMs"
  | "heartbeat"
  | "idleTimeoutMs";

/** `value`: what is in force. Under `nobody` it may be what the runtime has set itself, and is left out where nobody can tell. */
export type GuardSetting =
  | { readonly by: "node" | "setsockopt" | "guard"; readonly value: number }
  | { readonly by: "nobody"; readonly value?: number; readonly why: string };

/** From the moment that a peer is gone, or its connection cut, to the error on the socket. Undefined: not bounded; `why` says it. */
export interface GuardBound {
  /** Whatever the program does meanwhile. */
  readonly ms: number | undefined;
  /** The program writes nothing after the cut. */
  readonly quietMs: number | undefined;
  /** From the first byte that is not acknowledged. */
  readonly unacknowledgedMs: number | undefined;
  readonly why: readonly string[];
}

export interface GuardReport {
  /** Guarded now. */
  readonly connections: number;
  /** Of the options that were given. */
  readonly options: Readonly<Partial<Record<GuardOption, GuardSetting>>>;
  readonly bound: GuardBound;
  /** Peers found dead so far, by whom. `kernel`: keepalive, user timeout, or the end of retransmission. */
  readonly found: { readonly kernel: number; readonly heartbeat: number; readonly idleTimeout: number };
  /** Connections on which the heartbeat has nothing to write, or wrote nothing when it was last asked to: they are not bounded by it. */
  readonly withoutHeartbeat: number;
  /** What `heartbeat.send` threw last. */
  readonly hookError?: unknown;
}

/** That of Node's timers, and of TCP_KEEPIDLE (MAX_TCP_KEEPIDLE of include/net/tcp.h) in milliseconds. */
const MOST_MS = 2 ** 31 - 1;
const MOST_KEEPALIVE_MS = 32_767_000;

/** @throws PortmortemError PM_USAGE for a time that is none. */
export function checkGuard({ keepAlive, userTimeoutMs, idleTimeoutMs, heartbeat }: GuardOptions): void {
  const check = (most: number, values: Readonly<Record<string, number | undefined>>): void => {
    for (const [name, value] of Object.entries(values))
      if (value !== undefined && !(Number.isFinite(value) && value >= 1 && value <= most))
        throw new PortmortemError("PM_USAGE", `${name} is ${value}, not a number from 1 to ${most}`);
  };
  check(MOST_MS, { userTimeoutMs, idleTimeoutMs });
  if (heartbeat !== undefined) check(MOST_MS, { everyMs: heartbeat.everyMs, timeoutMs: heartbeat.timeoutMs });
  if (keepAlive !== undefined) check(MOST_KEEPALIVE_MS, { ...keepAlive });
}
