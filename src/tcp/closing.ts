/**
 * THE model of how a TCP connection opens and ends on Linux: every transition between the states of tcp/states.ts, with what causes it, what is
 * sent, and the kernel function that does it. Explanations and ladders are played on it (closing-simulation.ts); test/kernel/closing.test.ts
 * plays the same scenarios with real sockets and compares.
 *
 * Where Linux goes further than RFC 9293 (section 3.3.2), the row says so by its function: unread data at close(), SO_LINGER 0, the end of FIN-WAIT-2
 * when nobody holds it, TIME-WAIT ended by an RST.
 */
import type { SocketState } from "./states.ts";

/** Who holds the socket: a descriptor of a program, the accept queue of a listener, or nobody but the kernel (an orphan, or TIME-WAIT). */
export type Holder = "program" | "queue" | "nobody";

/** What goes over the wire. An ACK stands alone only where nothing else does. */
export type Segment = "SYN" | "SYN,ACK" | "ACK" | "data" | "FIN" | "RST";

export type ClosingEvent =
  // what a program does, or has done to it
  | "bind()"
  | "listen()"
  | "connect()"
  | "shutdown()"
  | "close()"
  | "close() with unread data"
  | "close() with SO_LINGER 0"
  | "its listener closes"
  | "SOCK_DESTROY"
  // what arrives
  | "SYN"
  | "SYN,ACK"
  | "ACK of SYN"
  | "ACK of FIN"
  | "data"
  | "FIN"
  | "RST"
  | "stray segment"
  // what does not
  | "retransmits unanswered"
  | "keepalive unanswered"
  | "FIN-WAIT-2 timer"
  | "TIME-WAIT timer";

export interface Transition {
  readonly from: readonly SocketState[];
  /** Only for a socket that is held so; left out: however it is held. */
  readonly held?: Holder;
  readonly event: ClosingEvent;
  /** Left out: it stays in its state. */
  readonly to?: SocketState;
  readonly sends?: Segment;
  /** What the program that holds it gets from its next call. */
  readonly error?: "ECONNREFUSED" | "ECONNRESET" | "ECONNABORTED" | "EPIPE" | "ETIMEDOUT";
  /** The kernel's functions, outermost first. */
  readonly by: string;
  /** The section of RFC 9293; left out where Linux does what the RFC does not have. */
  readonly rfc?: string;
}

/** How long TIME-WAIT lasts: TCP_TIMEWAIT_LEN of include/net/tcp.h, compiled in. */
export const TIME_WAIT_MS = 60_000;

/** It stays in its state. */
const STAYS = undefined;

function row(
  from: readonly SocketState[],
  event: ClosingEvent,
  to: SocketState | undefined,
  by: string,
  rest: Pick<Transition, "held" | "sends" | "error" | "rfc"> = {},
): Transition {
  return { from, event, by, ...(to === undefined ? {} : { to }), ...rest };
}

const OPENING: readonly Transition[] = [
  row(["CLOSED"], "bind()", "BOUND", "__inet_bind, inet_csk_get_port"),
  row(["CLOSED", "BOUND"], "listen()", "LISTEN", "inet_csk_listen_start", { rfc: "3.10.1" }),
  row(["CLOSED", "BOUND"], "connect()", "SYN-SENT", "tcp_v4_connect", { sends: "SYN", rfc: "3.10.1" }),
  // The listener stays as it is: the state is that of a new socket.
  row(["LISTEN"], "SYN", "SYN-RECEIVED", "tcp_conn_request", { sends: "SYN,ACK", rfc: "3.10.7.2" }),
  row(["SYN-SENT"], "SYN,ACK", "ESTABLISHED", "tcp_rcv_synsent_state_process", { sends: "ACK", rfc: "3.10.7.3" }),
  // Both at once, or a connection of a socket with itself.
  row(["SYN-SENT"], "SYN", "SYN-RECEIVED", "tcp_rcv_synsent_state_process", { sends: "SYN,ACK", rfc: "3.10.7.3" }),
  row(["SYN-SENT"], "RST", "CLOSED", "tcp_rcv_synsent_state_process, tcp_reset", {
    error: "ECONNREFUSED",
    rfc: "3.10.7.3",
  }),
  row(["SYN-RECEIVED"], "ACK of SYN", "ESTABLISHED", "tcp_rcv_state_process", { rfc: "3.10.7.4" }),
  row(["SYN-SENT", "BOUND", "LISTEN"], "close()", "CLOSED", "tcp_close", { rfc: "3.10.4" }),
];

const CLOSE_CALLS: readonly Transition[] = [
  row(["ESTABLISHED", "SYN-RECEIVED"], "close()", "FIN-WAIT-1", "tcp_close, tcp_close_state, tcp_send_fin", {
    held: "program",
    sends: "FIN",
    rfc: "3.10.4",
  }),
  row(["ESTABLISHED", "SYN-RECEIVED"], "shutdown()", "FIN-WAIT-1", "tcp_shutdown, tcp_close_state, tcp_send_fin", {
    held: "program",
    sends: "FIN",
    rfc: "3.6.1",
  }),
  row(["CLOSE-WAIT"], "close()", "LAST-ACK", "tcp_close, tcp_close_state, tcp_send_fin", {
    held: "program",
    sends: "FIN",
    rfc: "3.10.4",
  }),
  row(["CLOSE-WAIT"], "shutdown()", "LAST-ACK", "tcp_shutdown, tcp_close_state, tcp_send_fin", {
    held: "program",
    sends: "FIN",
    rfc: "3.10.4",
  }),
  // Half closed before: the FIN is out already, and now nobody holds the socket any more.
  row(["FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"], "close()", STAYS, "tcp_close, tcp_close_state", {
    held: "program",
    rfc: "3.10.4",
  }),
  row(
    ["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2"],
    "close() with unread data",
    "CLOSED",
    "tcp_close, tcp_send_active_reset",
    { held: "program", sends: "RST" },
  ),
  row(
    ["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2"],
    "close() with SO_LINGER 0",
    "CLOSED",
    "tcp_close, tcp_disconnect",
    { held: "program", sends: "RST", rfc: "3.10.5" },
  ),
  row(["ESTABLISHED", "CLOSE-WAIT"], "its listener closes", "CLOSED", "inet_csk_listen_stop, tcp_disconnect", {
    held: "queue",
    sends: "RST",
  }),
  row(["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1"], "SOCK_DESTROY", "CLOSED", "tcp_abort", {
    sends: "RST",
    error: "ECONNABORTED",
    rfc: "3.10.5",
  }),
  row(["SYN-RECEIVED", "FIN-WAIT-2"], "SOCK_DESTROY", "CLOSED", "tcp_abort", {
    held: "program",
    sends: "RST",
    error: "ECONNABORTED",
    rfc: "3.10.5",
  }),
  row(["FIN-WAIT-2"], "SOCK_DESTROY", "CLOSED", "tcp_abort", { held: "nobody" }),
  row(["SYN-RECEIVED"], "SOCK_DESTROY", "CLOSED", "tcp_abort", { held: "queue" }),
  row(["SYN-SENT", "CLOSING", "LAST-ACK", "TIME-WAIT"], "SOCK_DESTROY", "CLOSED", "tcp_abort", {
    error: "ECONNABORTED",
  }),
];

const ARRIVALS: readonly Transition[] = [
  row(["ESTABLISHED"], "FIN", "CLOSE-WAIT", "tcp_fin", { sends: "ACK", rfc: "3.10.7.4" }),
  row(["FIN-WAIT-1"], "FIN", "CLOSING", "tcp_fin", { sends: "ACK", rfc: "3.10.7.4" }),
  // Held by nobody it is a small record by now, which becomes the TIME-WAIT itself.
  row(["FIN-WAIT-2"], "FIN", "TIME-WAIT", "tcp_fin, tcp_time_wait", { held: "program", sends: "ACK", rfc: "3.10.7.4" }),
  row(["FIN-WAIT-2"], "FIN", "TIME-WAIT", "tcp_timewait_state_process", {
    held: "nobody",
    sends: "ACK",
    rfc: "3.10.7.4",
  }),
  row(["CLOSE-WAIT", "CLOSING", "LAST-ACK"], "FIN", STAYS, "tcp_fin, tcp_send_dupack", {
    sends: "ACK",
    rfc: "3.10.7.4",
  }),
  row(["TIME-WAIT"], "FIN", STAYS, "tcp_timewait_state_process", { sends: "ACK", rfc: "3.10.7.4" }),
  row(["FIN-WAIT-1"], "ACK of FIN", "FIN-WAIT-2", "tcp_rcv_state_process", { rfc: "3.10.7.4" }),
  row(["CLOSING"], "ACK of FIN", "TIME-WAIT", "tcp_rcv_state_process, tcp_time_wait", { rfc: "3.10.7.4" }),
  row(["LAST-ACK"], "ACK of FIN", "CLOSED", "tcp_rcv_state_process, tcp_done", { rfc: "3.10.7.4" }),
  row(["ESTABLISHED"], "data", STAYS, "tcp_rcv_established", { sends: "ACK", rfc: "3.10.7.4" }),
  row(["FIN-WAIT-1", "FIN-WAIT-2"], "data", STAYS, "tcp_rcv_state_process", {
    held: "program",
    sends: "ACK",
    rfc: "3.10.7.4",
  }),
  row(["FIN-WAIT-1"], "data", "CLOSED", "tcp_rcv_state_process", { held: "nobody", sends: "RST", rfc: "3.6.1" }),
  row(["FIN-WAIT-2"], "data", "CLOSED", "tcp_timewait_state_process", { held: "nobody", sends: "RST", rfc: "3.6.1" }),
  row(["SYN-RECEIVED"], "RST", "CLOSED", "tcp_check_req", { held: "queue", rfc: "3.10.7.4" }),
  row(["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"], "RST", "CLOSED", "tcp_reset", {
    error: "ECONNRESET",
    rfc: "3.10.7.4",
  }),
  row(["CLOSE-WAIT"], "RST", "CLOSED", "tcp_reset", { error: "EPIPE", rfc: "3.10.7.4" }),
  row(["SYN-RECEIVED"], "RST", "CLOSED", "tcp_reset", { held: "program", error: "ECONNRESET", rfc: "3.10.7.4" }),
  // Unless tcp_rfc1337 is set.
  row(["TIME-WAIT"], "RST", "CLOSED", "tcp_timewait_state_process"),
  // A new connection with the same four numbers: its SYN is newer than anything of the old one.
  row(["TIME-WAIT"], "SYN", "SYN-RECEIVED", "tcp_timewait_state_process, tcp_conn_request", {
    sends: "SYN,ACK",
    rfc: "3.10.7.4",
  }),
  // Sent again: the answer was lost.
  row(["SYN-RECEIVED"], "SYN", STAYS, "tcp_check_req", { held: "queue", sends: "SYN,ACK", rfc: "3.10.7.4" }),
  // An end that was started anew knocks at its old connection: the answer makes it send an RST, which ends the old one (RFC 5961, section 4).
  row(
    ["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "CLOSING", "LAST-ACK"],
    "SYN",
    STAYS,
    "tcp_validate_incoming, tcp_send_challenge_ack",
    { sends: "ACK", rfc: "3.10.7.4" },
  ),
  row(["SYN-RECEIVED", "FIN-WAIT-2"], "SYN", STAYS, "tcp_validate_incoming, tcp_send_challenge_ack", {
    held: "program",
    sends: "ACK",
    rfc: "3.10.7.4",
  }),
  row(["SYN-SENT"], "stray segment", STAYS, "tcp_rcv_synsent_state_process", { sends: "RST", rfc: "3.10.7.3" }),
  row(["CLOSED", "BOUND", "LISTEN"], "stray segment", STAYS, "tcp_v4_send_reset", { sends: "RST", rfc: "3.10.7.1" }),
];

const TIMEOUTS: readonly Transition[] = [
  row(
    ["SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "CLOSING", "LAST-ACK"],
    "retransmits unanswered",
    "CLOSED",
    "tcp_retransmit_timer, tcp_write_timeout",
    { error: "ETIMEDOUT", rfc: "3.8.3" },
  ),
  row(["SYN-RECEIVED"], "retransmits unanswered", "CLOSED", "reqsk_timer_handler"),
  row(["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-2"], "keepalive unanswered", "CLOSED", "tcp_keepalive_timer", {
    held: "program",
    sends: "RST",
    error: "ETIMEDOUT",
    rfc: "3.8.4",
  }),
  row(["FIN-WAIT-2"], "FIN-WAIT-2 timer", "CLOSED", "tcp_time_wait, tw_timer_handler", { held: "nobody" }),
  row(["TIME-WAIT"], "TIME-WAIT timer", "CLOSED", "tcp_time_wait, tw_timer_handler", { rfc: "3.10.8" }),
];

export const TRANSITIONS: readonly Transition[] = [...OPENING, ...CLOSE_CALLS, ...ARRIVALS, ...TIMEOUTS];

/** What happens to a socket in this state, held so; undefined: nothing. */
export function transitionOf(state: SocketState, held: Holder, event: ClosingEvent): Transition | undefined {
  return TRANSITIONS.find(
    (row) => row.event === event && row.from.includes(state) && (row.held === undefined || row.held === held),
  );
}
