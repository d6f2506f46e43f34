/** The stories of how connections end. */
import type { Page } from "./page.ts";

export const CLOSING_STORIES: readonly Page[] = [
  {
    word: "four-way-close",
    kind: "story",
    title: "The four-way close, and who waits",
    aliases: ["closing-a-connection", "active-closer", "passive-closer", "fin"],
    text: [
      "Each direction is closed by itself: a FIN says `I send no more`, and is acknowledged. The kernel sends the ACKs; the FINs come from close(), shutdown() or exit, one from each program.",
      "Who sends the first FIN waits at the end, 60 s in TIME-WAIT, with its own port. The other waits in between, in CLOSE-WAIT, until its program closes as well.",
    ],
    ladder: { scenario: "server-closes-first", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "let the client be the first, and the server's port is free at once: see client-first" }],
    sources: ["RFC 9293 3.6, figure 12", "tcp_close_state (net/ipv4/tcp.c)", "tcp_fin (net/ipv4/tcp_input.c)"],
    see: ["client-first", "time-wait", "close-wait", "simultaneous-close"],
  },
  {
    word: "simultaneous-close",
    kind: "story",
    title: "Both close at once: both wait",
    aliases: ["both-close", "crossing-fins"],
    text: [
      "If both programs close before the other's FIN arrives, the FINs cross. Neither end is the passive one: both go through CLOSING, and both keep their port in TIME-WAIT for 60 s.",
      "It happens when both ends have the same idle time-out, or both are told to stop at the same moment.",
    ],
    ladder: { scenario: "both-close", ends: ["TIME-WAIT", "TIME-WAIT"] },
    remedy: [{ text: "give the server the longer idle time-out: then the client is the first, and alone waits" }],
    sources: ["RFC 9293 3.6, figure 13", "tcp_fin, tcp_rcv_state_process (net/ipv4/tcp_input.c)"],
    see: ["four-way-close", "closing", "client-first"],
  },
  {
    word: "why-time-wait",
    kind: "story",
    title: "Why there is a TIME-WAIT",
    aliases: ["last-ack-lost", "2msl"],
    text: [
      "The last ACK can be lost, and nothing acknowledges it. The other end then sends its FIN again: somebody must be there to acknowledge it once more, or it gets an RST and takes a good close for an error. Each such FIN starts the 60 s anew.",
      "It also keeps a late segment of the old connection from being taken for one of the next with the same addresses and ports. So only one end has to wait: the one that sent the last ACK.",
    ],
    ladder: { scenario: "last-ack-lost", ends: ["TIME-WAIT", "CLOSED"] },
    sources: ["RFC 9293 3.6; RFC 1337", "tcp_timewait_state_process (net/ipv4/tcp_minisocks.c)"],
    see: ["time-wait", "time-wait-length", "tcp_tw_recycle"],
  },
  {
    word: "time-wait-length",
    kind: "story",
    title: "How long TIME-WAIT lasts, and what can be set where",
    aliases: [
      "TcpTimedWaitDelay",
      "shorten-time-wait",
      "tcp_time_wait_interval",
      "net.inet.tcp.msl",
      "msl",
      "tcp_timewait_len",
    ],
    text: [
      "RFC 9293 says 2 MSL, twice the longest life of a segment, with an MSL of 2 minutes: 4 minutes. Nobody waits so long any more.",
      "Linux: 60 s, compiled in (TCP_TIMEWAIT_LEN); no setting changes it. FreeBSD: 2 x `net.inet.tcp.msl`, by default 30 s each; macOS the same with 15 s. Solaris: `_time_wait_interval` (`tcp_time_wait_interval` before 11), 60 s, 1 s to 10 min. Windows: the registry's `TcpTimedWaitDelay`: 240 s by default on Windows 2000 (30 to 300), 120 s on Server 2003 (0 to 300).",
    ],
    folklore: [
      { said: "sysctl tcp_fin_timeout=15 shortens TIME-WAIT", truth: "it is FIN-WAIT-2's; TIME-WAIT stays 60 s" },
      { said: "fewer tcp_max_tw_buckets clear them", truth: "new ones are skipped, those that exist stay" },
    ],
    remedy: [
      { text: "do without waiting: SO_REUSEADDR on the listener, or let the client close first" },
      { text: "for many connections to one server: more local ports, or tcp_tw_reuse" },
    ],
    sources: [
      "RFC 9293 3.4.2; include/net/tcp.h; FreeBSD tcp(4); xnu tcp_timer.h",
      "Oracle Solaris Tunable Parameters; Microsoft cc938217, cc757512",
    ],
    see: ["time-wait", "tcp_fin_timeout", "tcp_tw_reuse", "so_reuseaddr"],
  },
  {
    word: "reopened",
    kind: "story",
    title: "A client comes back from the same port: TIME-WAIT gives way",
    aliases: ["port-used-again", "time-wait-reopened", "tcp_tw_syn"],
    text: [
      "A SYN that is newer than the old connection, by its timestamp or its sequence number, ends the TIME-WAIT at once and becomes a new connection, if a listener is there. So a server's TIME-WAIT never turns a client away; it can only stand in the way of bind().",
    ],
    ladder: { scenario: "port-used-again", ends: ["ESTABLISHED", "ESTABLISHED"] },
    folklore: [
      { said: "thousands of TIME-WAIT make a server refuse clients", truth: "they do not: only bind() looks at them" },
    ],
    sources: ["tcp_timewait_state_process (net/ipv4/tcp_minisocks.c); RFC 6191; RFC 9293 3.10.7.4"],
    see: ["time-wait", "why-time-wait", "tcp_tw_reuse"],
  },
  {
    word: "client-first",
    kind: "story",
    title: "Let the client close first",
    aliases: ["let-the-client-close-first", "remote-closes-first", "drain"],
    text: [
      "TIME-WAIT is with whoever closes first. A client has thousands of local ports and does not care which; a server has one. So a protocol should let the client know when it is done, and the server closes when read() answers 0.",
      "The server still needs a time-out: a client that has gone never closes. After it, close() as usual; one TIME-WAIT does no harm.",
    ],
    ladder: { scenario: "client-closes-first", ends: ["CLOSED", "CLOSED"] },
    folklore: [{ said: "servers always collect TIME-WAIT", truth: "only those that close first" }],
    remedy: [
      { text: "on which side are they? Your port under LOCAL: your side", command: "portmortem ls 'state time-wait'" },
    ],
    sources: ["RFC 9293 3.6", "test/kernel/closing-scenarios.test.ts (client-closes-first)"],
    see: ["four-way-close", "time-wait", "simultaneous-close"],
  },
  {
    word: "linger",
    kind: "story",
    title: "SO_LINGER, and what an RST loses",
    aliases: ["rst", "reset", "abort", "linger-zero", "abortive-close"],
    text: [
      "SO_LINGER on with a time of 0 makes close() an abort: an RST instead of a FIN, on both ends no TIME-WAIT. What was not delivered is thrown away. The other end gets ECONNRESET: on Linux once it has read what had arrived, elsewhere perhaps at once.",
      "With a time above 0 close() waits that long for the delivery; at exit and kill it does not wait. Unread data has the same effect as linger 0: see unread-data.",
    ],
    ladder: { scenario: "linger-zero", ends: ["CLOSED", "CLOSED"] },
    folklore: [{ said: "linger 0 is the cure for TIME-WAIT", truth: "it trades a wait for lost data" }],
    remedy: [
      { text: "use it to throw out a hostile or dead peer, not to end a conversation" },
      { text: "TCPAbortOnData counts them", command: "nstat -az TcpExtTCPAbortOnData" },
    ],
    sources: ["RFC 9293 3.10.5", "tcp_close, tcp_disconnect (net/ipv4/tcp.c)", "inet_release (net/ipv4/af_inet.c)"],
    see: ["so_linger", "unread-data", "econnreset"],
  },
  {
    word: "unread-data",
    kind: "story",
    title: "close() with unread data: an RST, and no TIME-WAIT",
    aliases: ["close-with-unread-data", "TCPAbortOnClose"],
    text: [
      "If anything was received that the program has not read, close() sends an RST, not a FIN: the other end is to know that its data was lost. Exit and kill do the same. Nobody gets a TIME-WAIT.",
      "So a server that answers an error early and closes, while the client is still sending, can destroy its own answer: the RST overtakes it.",
    ],
    ladder: { scenario: "unread-data", ends: ["CLOSED", "CLOSED"] },
    remedy: [
      { text: "shutdown(SHUT_WR), read until 0 with a time-out, then close()" },
      { text: "count them", command: "nstat -az TcpExtTCPAbortOnClose" },
    ],
    sources: ["RFC 2525 2.17", "tcp_close, tcp_send_active_reset (net/ipv4/tcp.c, tcp_output.c)"],
    see: ["linger", "half-close", "econnreset"],
  },
  {
    word: "half-close",
    kind: "story",
    title: "shutdown(): done with sending, still listening to the answer",
    aliases: ["shutdown", "shut_wr", "half-closed"],
    text: [
      "shutdown(SHUT_WR) sends the FIN and keeps the descriptor: the other end reads to the end of the request and can still answer. That is the clean way to say that a request is complete.",
      "The end that called it is the one that waits, as after close(). Held by a program, FIN-WAIT-2 has no time-out: if the other end never closes, it stays.",
    ],
    ladder: { scenario: "half-close", ends: ["TIME-WAIT", "CLOSED"] },
    remedy: [{ text: "set a time-out for the answer, or SO_KEEPALIVE, before you wait for it" }],
    sources: ["RFC 9293 3.6.1", "tcp_shutdown (net/ipv4/tcp.c)"],
    see: ["fin-wait-2", "unread-data", "half-open"],
  },
  {
    word: "late-data",
    kind: "story",
    title: "Data for somebody who has closed: an RST",
    aliases: ["data-after-close", "write-after-close", "broken-pipe"],
    text: [
      "close() gives up both directions. What the other end still sends finds nobody to read it: the kernel answers an RST, and both ends are gone without TIME-WAIT. The first write() of the other end succeeds; the next gets EPIPE, and SIGPIPE unless it is ignored.",
    ],
    ladder: { scenario: "data-after-close", ends: ["CLOSED", "CLOSED"] },
    remedy: [
      { text: "close by half if an answer may come: see half-close" },
      { text: "ignore SIGPIPE and heed EPIPE" },
    ],
    sources: ["RFC 9293 3.6.1", "tcp_rcv_state_process, tcp_timewait_state_process"],
    see: ["epipe", "fin-wait-2", "half-close"],
  },
];
