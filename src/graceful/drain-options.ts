/** What a drain is asked, what it tells meanwhile, and what it reports. */
import type { Socket } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import type { ConnectionKind } from "./draining.ts";

export interface DrainOptions {
  /** After it the connections that are left are aborted, and the promise settles. Default 10 000. */
  readonly graceMs?: number;
  /** How long the peer gets to close first, after the last byte. Default 1000. */
  readonly lingerMs?: number;
  /** How long a connection without a request may wait for one last request, or for its client to close it. Default 2000. */
  readonly idleMs?: number;
  /** What is left of `graceMs` once the drain is hasty. Default 1000. */
  readonly hastyGraceMs?: number;
  /** Its abort makes the drain hasty: nobody idle is waited for, responses in flight get `hastyGraceMs`. */
  readonly signal?: AbortSignal;
  /**
   * To say goodbye in the protocol of a connection that is not (any more) HTTP: a close frame, a QUIT. Until its promise settles the
   * connection is left alone, at most until `graceMs`.
   */
  readonly beforeClose?: (socket: Socket, about: { readonly kind: ConnectionKind }) => unknown;
  /**
   * Told once, when nobody is accepted any more and responses say `Connection: close`: here a program ends what would go on for ever by
   * itself, event streams and long polls.
   */
  readonly onDraining?: () => unknown;
  /** Told at the start, when numbers have changed (four times a second at most), and at the end. */
  readonly onProgress?: (progress: DrainProgress) => void;
}

export interface DrainReport {
  /** That were open when it began, or came while it lasted. */
  readonly connections: number;
  /** The peer's FIN came before ours, or the peer reset the connection: nothing of it stays here. */
  readonly closedByPeer: number;
  /** Our FIN went first, orderly. */
  readonly closedByUs: number;
  /** Reset by us at `graceMs`, or broken: what was not delivered is lost. */
  readonly aborted: number;
  /** Requests (HTTP/2: streams) that were answered to the end while it lasted. */
  readonly requestsFinished: number;
  readonly durationMs: number;
  /**
   * Of these connections, how many the kernel keeps in TIME-WAIT on this side, or in FIN-WAIT, which becomes TIME-WAIT with the peer's FIN. Left
   * out where it cannot be read (not Linux).
   */
  readonly timeWaitLeft?: number;
  /** What the hooks threw. */
  readonly hookErrors?: readonly unknown[];
}

export interface DrainProgress extends Omit<DrainReport, "timeWaitLeft" | "hookErrors"> {
  readonly open: number;
  /** Responses that are owed. */
  readonly requestsInFlight: number;
  /** Until everything left is aborted. */
  readonly remainingMs: number;
  readonly hasty: boolean;
}

export type Patience = Required<Pick<DrainOptions, "graceMs" | "lingerMs" | "idleMs" | "hastyGraceMs">>;

export const PATIENCE: Patience = { graceMs: 10_000, lingerMs: 1000, idleMs: 2000, hastyGraceMs: 1000 };

/** Node fires timers that are longer than this at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function patienceOf(options: DrainOptions): Patience {
  const patience = { ...PATIENCE };
  for (const name of Object.keys(PATIENCE) as (keyof Patience)[]) {
    const value = options[name];
    if (value !== undefined) patience[name] = requireMs(name, value);
  }
  return patience;
}

/** @throws PortmortemError PM_USAGE */
export function requireMs(name: string, value: number): number {
  if (typeof value === "number" && value >= 0 && value <= MAX_TIMER_MS) return value;
  throw new PortmortemError("PM_USAGE", `${name} is ${String(value)}: not a number of milliseconds`, {
    hint: `0 to ${MAX_TIMER_MS}`,
  });
}
