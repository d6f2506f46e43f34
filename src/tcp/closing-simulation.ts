/** Two ends of a connection, played on the model of closing.ts: what each does, what goes over the wire, and the states after every step. Pure. */
import { transitionOf } from "./closing.ts";
import type { ClosingEvent, Holder, Segment, Transition } from "./closing.ts";
import type { SocketState } from "./states.ts";

export type Side = "client" | "server";

/** One end of a connection: all that decides what it does next. */
export interface End {
  readonly state: SocketState;
  readonly held: Holder;
  /** Bytes that the program has not read. */
  readonly unread: boolean;
  /** SO_LINGER with a time of 0 is set. */
  readonly lingersNot: boolean;
}

export interface SentSegment {
  readonly flags: Segment;
  /** Whether it also acknowledges the other's FIN. */
  readonly acksFin: boolean;
}

/**
 * What a program can do, or what can be done to it. `kill -9` closes, as any exit does. A power cut is the end of the whole machine: it sends nothing.
 */
export type Call =
  | "bind()"
  | "listen()"
  | "connect()"
  | "accept()"
  | "write()"
  | "read()"
  | "shutdown()"
  | "close()"
  | "kill -9"
  | "power cut"
  | "SOCK_DESTROY";

export type Timer = "retransmit" | Extract<ClosingEvent, `${string} timer` | `${string} unanswered`>;

/** What the script of a scenario says next. After each move what was sent arrives, and what it causes, until all is quiet. */
export type Move =
  | { readonly at: Side; readonly call: Call; /** Whose segments get lost meanwhile. */ readonly loses?: Side }
  /** Both before anything arrives. */
  | { readonly both: Call }
  | { readonly at: Side; readonly timer: Timer; /** What the ladder says, the time mostly. */ readonly text: string }
  | { readonly network: "down" | "up" };

export interface Views {
  readonly client: View;
  readonly server: View;
}

/** What can be seen of an end. `held` is left out where there is no socket any more. */
export interface View {
  readonly state: SocketState;
  readonly held?: Holder;
}

export type Step = Views &
  (
    | { readonly kind: "call"; readonly at: Side; readonly text: string }
    | {
        readonly kind: "segment";
        readonly from: Side;
        readonly segment: Segment;
        readonly lost: boolean;
        readonly remark?: string;
      }
    | { readonly kind: "timer"; readonly at: Side; readonly text: string; readonly remark?: string }
    | { readonly kind: "network"; readonly text: "down" | "up" }
  );

/** A transition as one end took it. */
export interface Taken {
  readonly from: SocketState;
  readonly to: SocketState;
  /** Who holds it afterwards. */
  readonly held: Holder;
  readonly transition: Transition;
}

export interface Reaction {
  readonly end: End;
  readonly sends?: SentSegment;
  readonly taken: readonly Taken[];
  /** What the program notices: end of file, or the error of its next call. */
  readonly remark?: string;
}

/** The FIN of the other end has been received in these states, so every segment acknowledges it. */
const HAS_FIN: readonly SocketState[] = ["CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"];
/** The own FIN is out, and not acknowledged. */
const AWAITS_ACK: readonly SocketState[] = ["FIN-WAIT-1", "CLOSING", "LAST-ACK"];

/** What may arrive where there is no connection yet, or none any more. */
const EXPECTED: Partial<Record<SocketState, readonly Segment[]>> = {
  CLOSED: [],
  BOUND: [],
  LISTEN: ["SYN"],
  "SYN-SENT": ["SYN", "SYN,ACK", "RST"],
};

export function newEnd(state: SocketState, held: Holder = "program"): End {
  return { state, held, unread: false, lingersNot: false };
}

/** Something happens to an end. An event that its state does not know changes nothing. */
export function happen(end: End, event: ClosingEvent): Reaction {
  const transition = transitionOf(end.state, end.held, event);
  if (transition === undefined) return { end, taken: [] };
  const state = transition.to ?? end.state;
  const after: End =
    state === "CLOSED" || state === "TIME-WAIT"
      ? newEnd(state, "nobody")
      : { ...end, state, held: holderAfter(end, event, state) };
  const remark = end.held === "program" ? remarkOf(end, event, transition) : undefined;
  return {
    end: after,
    taken: [{ from: end.state, to: state, held: after.held, transition }],
    ...(transition.sends === undefined ? {} : { sends: segmentOf(after, transition.sends) }),
    ...(remark === undefined ? {} : { remark }),
  };
}

function holderAfter(end: End, event: ClosingEvent, state: SocketState): Holder {
  if (event === "close()") return "nobody";
  if (event === "bind()" || event === "listen()" || event === "connect()") return "program";
  return event === "SYN" && end.state !== "SYN-SENT" && state === "SYN-RECEIVED" ? "queue" : end.held;
}

/** What was sent before the FIN is read first. */
function remarkOf({ unread }: End, event: ClosingEvent, { error }: Transition): string | undefined {
  return error ?? (event === "FIN" && !unread ? "EOF" : undefined);
}

function segmentOf({ state }: End, flags: Segment): SentSegment {
  return { flags, acksFin: flags !== "RST" && HAS_FIN.includes(state) };
}

/** A program's call, or its death. What close() does depends on what was not read and on SO_LINGER. */
export function callOn(end: End, call: Call): Reaction {
  switch (call) {
    case "accept()":
      return { end: { ...end, held: "program" }, taken: [] };
    case "read()":
      return { end: { ...end, unread: false }, taken: [] };
    case "write()":
      return { end, taken: [], sends: segmentOf(end, "data") };
    case "power cut":
      return { end: newEnd("CLOSED"), taken: [] };
    case "kill -9":
    case "close()":
      return happen(end, closeEvent(end));
    default:
      return happen(end, call);
  }
}

function closeEvent({ held, unread, lingersNot }: End): ClosingEvent {
  if (held === "queue") return "its listener closes";
  if (unread) return "close() with unread data";
  return lingersNot ? "close() with SO_LINGER 0" : "close()";
}

/** A segment arrives: first what it acknowledges, then what it says. */
export function arrive(end: End, { flags, acksFin }: SentSegment): Reaction {
  if (!(EXPECTED[end.state]?.includes(flags) ?? true))
    return flags === "RST" ? { end, taken: [] } : happen(end, "stray segment");
  const acknowledged = flags === "RST" || flags === "SYN" ? undefined : acknowledgedBy(end, acksFin);
  const first: Reaction = acknowledged === undefined ? { end, taken: [] } : happen(end, acknowledged);
  if (flags === "ACK") return first;
  // Outside the handshake a SYN is one, whatever it acknowledges.
  const second = happen(first.end, flags === "SYN,ACK" && end.state !== "SYN-SENT" ? "SYN" : flags);
  const unread = second.end.unread || (flags === "data" && second.end.held !== "nobody");
  return { ...second, end: { ...second.end, unread }, taken: [...first.taken, ...second.taken] };
}

function acknowledgedBy({ state }: End, acksFin: boolean): ClosingEvent | undefined {
  if (state === "SYN-RECEIVED") return "ACK of SYN";
  return acksFin && AWAITS_ACK.includes(state) ? "ACK of FIN" : undefined;
}

/** What is sent again when nobody answers. */
export function retransmitted(end: End): SentSegment | undefined {
  if (AWAITS_ACK.includes(end.state)) return segmentOf(end, "FIN");
  if (end.state === "SYN-RECEIVED") return segmentOf(end, "SYN,ACK");
  return end.state === "SYN-SENT" ? segmentOf(end, "SYN") : undefined;
}
