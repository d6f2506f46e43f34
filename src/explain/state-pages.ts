/** The states of a socket: a page for each of tcp/states.ts. */
import type { SocketState } from "../tcp/states.ts";
import type { Page } from "./page.ts";

type StatePage = Omit<Page, "word" | "kind" | "aliases">;

export const STATE_TEXTS: Readonly<Record<SocketState, StatePage>> = {
  LISTEN: {
    title: "LISTEN: waits for connections",
    text: [
      "A socket after listen(). Each connection that comes in is a socket of its own with the same local port: SYN-RECEIVED while the handshake lasts, then ESTABLISHED in the queue of the listener until accept() takes it.",
      "A listener blocks every bind to the same port that overlaps its address. SO_REUSEADDR never helps against it; SO_REUSEPORT does, if both have it and run as the same user.",
    ],
    ladder: { scenario: "handshake", ends: ["ESTABLISHED", "ESTABLISHED"] },
    remedy: [
      { text: "who listens, and how long the queues are", command: "portmortem ls -l" },
      { text: "what stands in the way of a port", command: "portmortem why 8080" },
    ],
    sources: ["RFC 9293 3.3.2", "inet_csk_listen_start, inet_bind_conflict (net/ipv4/inet_connection_sock.c)"],
    see: ["pending-connections", "backlog", "so_reuseport"],
  },
  BOUND: {
    title: "BOUND: has a port, and neither listens nor is connected",
    text: [
      "A socket after bind() and before listen() or connect(). It holds its port like any other: a second bind gets EADDRINUSE. Also what is left of a listener that was destroyed under its program: it keeps the port until the descriptor is closed.",
      "RFC 9293 has no such state, and the kernel calls it CLOSE. Linux shows these sockets since 6.8 only; ss calls them `bound-inactive`.",
    ],
    remedy: [{ text: "show them", command: "portmortem ls 'state bound-inactive'" }],
    sources: [
      "TCP_BOUND_INACTIVE (include/net/tcp_states.h), since 91051f003948",
      "inet_csk_get_port (net/ipv4/inet_connection_sock.c)",
    ],
    see: ["eaddrinuse", "listen"],
  },
  "SYN-SENT": {
    title: "SYN-SENT: connect() has called, nobody has answered yet",
    text: [
      "A firewall that drops, a host that is off, or a wrong address. The SYN is sent again tcp_syn_retries times (6: about two minutes); then connect() fails with ETIMEDOUT. Where a host answers and nobody listens there is no wait: ECONNREFUSED at once.",
      "It holds its local port.",
    ],
    ladder: { scenario: "syn-unanswered", ends: ["CLOSED", "LISTEN"] },
    remedy: [
      { text: "whom they call", command: "portmortem ls 'state syn-sent'" },
      { text: "give connect() a time-out of your own: two minutes is too long for most programs" },
    ],
    sources: ["RFC 9293 3.5", "tcp_write_timeout (net/ipv4/tcp_timer.c)"],
    see: ["etimedout", "econnrefused"],
  },
  "SYN-RECEIVED": {
    title: "SYN-RECEIVED: called, answered, not yet confirmed",
    text: [
      "Half a connection: the listener's SYN,ACK is out, the ACK is missing. On Linux it is a small request of the listener, not a socket; it holds no port, no process owns it, and it ends after tcp_synack_retries answers.",
      "Many of them are slow networks, or a SYN flood; with tcp_syncookies a full queue shuts nobody out.",
    ],
    ladder: { scenario: "handshake", ends: ["ESTABLISHED", "ESTABLISHED"] },
    remedy: [{ text: "from where", command: "portmortem ls --count --by peer 'state syn-recv'" }],
    sources: ["RFC 9293 3.10.7.2", "tcp_conn_request (net/ipv4/tcp_input.c)", "reqsk_timer_handler"],
    see: ["backlog", "listen"],
  },
  ESTABLISHED: {
    title: "ESTABLISHED: connected, as far as this end knows",
    text: [
      "Nothing is sent while nobody has anything to say, so an end that is idle notices nothing: neither a cable that was pulled nor a machine that was switched off. Only data that is not acknowledged, or keepalive, finds out.",
      "Without an owner but with a listener on its port it waits to be accepted. It holds its local port, also on the side of the client.",
    ],
    ladder: { scenario: "peer-gone-idle", ends: ["CLOSED", "ESTABLISHED"] },
    remedy: [
      { text: "round trips, and when something was last heard", command: "portmortem ls --info 'state established'" },
      { text: "set SO_KEEPALIVE, or send a heartbeat, on connections that may be idle" },
    ],
    sources: ["RFC 9293 3.8.4", "tcp_keepalive_timer (net/ipv4/tcp_timer.c)"],
    see: ["half-open", "so_keepalive", "pending-connections"],
  },
  "FIN-WAIT-1": {
    title: "FIN-WAIT-1: closed here, and not even that is acknowledged",
    text: [
      "It lasts one round trip. If it stays, the other end has gone, or it does not read: what was sent before the FIN is still queued, and the FIN goes last. When the program is gone as well, the kernel goes on alone (an orphan): 8 times, about 100 s, or tcp_orphan_retries times.",
    ],
    ladder: { scenario: "orphan-unanswered", ends: ["CLOSED", "ESTABLISHED"] },
    remedy: [
      { text: "which, and how often they were sent again (TIMER)", command: "portmortem ls 'state fin-wait-1'" },
      { text: "give them up, with what was not delivered", command: "sudo portmortem drop 'state fin-wait-1'" },
    ],
    sources: ["RFC 9293 3.6", "tcp_orphan_retries, tcp_write_timeout (net/ipv4/tcp_timer.c)"],
    see: ["orphan", "tcp_orphan_retries"],
  },
  "FIN-WAIT-2": {
    title: "FIN-WAIT-2: closed here, and the other side has not closed",
    text: [
      "The other side knows (it is in CLOSE-WAIT) and goes on. If no program holds this end any more, Linux waits tcp_fin_timeout, 60 s, and forgets it; whatever the other end then says is answered by an RST. If a program called shutdown() and still holds it, it lasts for ever: only keepalive or the program ends it.",
    ],
    ladder: { scenario: "never-closed", ends: ["CLOSED", "CLOSE-WAIT"] },
    folklore: [{ said: "FIN-WAIT-2 can hang for ever", truth: "only while a program holds it, on Linux" }],
    remedy: [
      { text: "those that a program holds have a name under PROCESS", command: "portmortem ls 'state fin-wait-2'" },
      { text: "the cure is at the other end: see close-wait" },
    ],
    sources: ["RFC 9293 3.6", "tcp_time_wait (net/ipv4/tcp_minisocks.c)", "tcp_fin_time (include/net/tcp.h)"],
    see: ["close-wait", "tcp_linger2", "tcp_fin_timeout"],
  },
  "CLOSE-WAIT": {
    title: "CLOSE-WAIT: the other side has closed, the program here has not",
    text: [
      "The kernel has done its part: it acknowledged the FIN, and read() answers 0 bytes. Now the application must close(). No timer ends this state, and no setting does: it lasts until the program closes or dies. Many of them are a leak of descriptors, and end in EMFILE.",
    ],
    ladder: { scenario: "never-closed", ends: ["CLOSED", "CLOSE-WAIT"] },
    folklore: [
      { said: "CLOSE-WAIT means that the port is in use by somebody else", truth: "your own program forgot to close" },
      { said: "tcp_fin_timeout or keepalive settings cure it", truth: "neither closes what a program holds open" },
    ],
    remedy: [
      { text: "which program, whose connections", command: "portmortem ls --count --by process 'state close-wait'" },
      { text: "close() when read() answers 0, on every path, also after errors" },
    ],
    sources: ["RFC 9293 3.6", "tcp_fin (net/ipv4/tcp_input.c)"],
    see: ["four-way-close", "fin-wait-2", "emfile"],
  },
  CLOSING: {
    title: "CLOSING: both closed at once, and the last ACK is missing",
    text: [
      "Both FINs crossed on the way: each end has the other's FIN, and waits for the ACK of its own. It lasts one round trip, then both ends go through TIME-WAIT. If it stays, the ACK or the other end is lost; the kernel sends the FIN again as for any orphan.",
    ],
    ladder: { scenario: "both-close", ends: ["TIME-WAIT", "TIME-WAIT"] },
    remedy: [{ text: "rarely anything; show them", command: "portmortem ls 'state closing'" }],
    sources: ["RFC 9293 3.6, figure 13", "tcp_fin, tcp_rcv_state_process (net/ipv4/tcp_input.c)"],
    see: ["simultaneous-close", "orphan"],
  },
  "LAST-ACK": {
    title: "LAST-ACK: closed second, and the last ACK is missing",
    text: [
      "This side answered a FIN by its own, and waits for the ACK; then it is closed, without TIME-WAIT. It lasts one round trip. If it stays, data before the FIN cannot be delivered, or the other end is gone: the kernel sends it 8 times, about 100 s, or tcp_orphan_retries times, and gives up.",
    ],
    ladder: { scenario: "client-closes-first", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "which, and how often they were sent again", command: "portmortem ls 'state last-ack'" }],
    sources: ["RFC 9293 3.6, figure 12", "tcp_rcv_state_process (net/ipv4/tcp_input.c)", "tcp_orphan_retries"],
    see: ["four-way-close", "orphan"],
  },
  "TIME-WAIT": {
    title: "TIME-WAIT: closed here first, and remembered for 60 s",
    text: [
      "No process holds it: nothing to kill, and lsof does not show it. It blocks a bind unless the old socket and the new one both set SO_REUSEADDR. It never blocks clients that come in, nor a connect() to elsewhere.",
    ],
    ladder: { scenario: "server-closes-first", ends: ["CLOSED", "CLOSED"] },
    folklore: [
      { said: "tcp_fin_timeout shortens it", truth: "that is FIN-WAIT-2's; 60 s is compiled in" },
      { said: "SO_REUSEADDR in the new program is enough", truth: "the old one must have had it too" },
    ],
    remedy: [
      { text: "how long it still lasts, and whether it blocks", command: "portmortem why 8080" },
      { text: "`portmortem wait 8080`, or clear it now (Linux 6.0)", command: "sudo portmortem free 8080" },
    ],
    sources: ["RFC 9293 3.6", "TCP_TIMEWAIT_LEN (include/net/tcp.h)", "inet_bind_conflict"],
    see: ["why-time-wait", "time-wait-length", "so_reuseaddr"],
  },
  CLOSED: {
    title: "CLOSED: no connection",
    text: [
      "Not in any table: the kernel answers an RST to whatever still arrives. A program may hold the descriptor of a connection that was reset; its next call tells it, with ECONNRESET, EPIPE or ETIMEDOUT, and reading then answers 0.",
      "If the program had bound the port itself, a closed connection keeps it until close().",
    ],
    ladder: { scenario: "peer-restarted", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "what still has the port", command: "portmortem why 8080" }],
    sources: ["RFC 9293 3.10.7.1", "tcp_v4_send_reset (net/ipv4/tcp_ipv4.c)", "tcp_set_state (net/ipv4/tcp.c)"],
    see: ["econnreset", "bound"],
  },
};
