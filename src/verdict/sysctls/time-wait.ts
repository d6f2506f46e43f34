/** Settings that are turned because of TIME-WAIT. What test/kernel/sysctl-time-wait.test.ts can show on the running kernel, it shows. */
import type { SysctlKnowledge } from "../sysctl-knowledge.ts";

export const TIME_WAIT_SYSCTLS: readonly SysctlKnowledge[] = [
  {
    name: "net.ipv4.tcp_tw_recycle",
    does: "Ended TIME-WAIT early by remembering one timestamp for each remote address. Behind NAT many machines share an address, and those whose clocks were behind had their SYNs dropped.",
    folklore: "Still found in lists of tunings. On today's kernels the line only makes sysctl complain at boot.",
    versions: ["Gone since Linux 4.12; useless since 4.10, when timestamps got a random offset for each connection."],
    goneAfter: "4.11",
    advice: "Delete the line. Nothing replaces it: let the client close first, and keep connections open.",
    sources: ["commit 4396e46187ca (tcp: remove tcp_tw_recycle)", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_tw_reuse",
    does: "Lets connect() take a local port that is in TIME-WAIT with the same remote endpoint, if that connection had timestamps and is older than the delay (1 s): 0 never, 1 everywhere, 2 only on loopback.",
    folklore:
      "“It frees the server's port”: it does nothing for bind(), listen() or incoming connections; for those there is SO_REUSEADDR. It also does not lower the number of TIME-WAITs.",
    versions: [
      "2 exists, and is the default, since Linux 4.19; before, the default was 0.",
      "The delay can be set since 6.14: tcp_tw_reuse_delay.",
    ],
    defaultValue: "2",
    advice:
      "1 is a fair remedy on a machine that runs out of local ports towards one peer. Elsewhere it changes nothing.",
    sources: ["tcp_twsk_unique (net/ipv4/tcp_ipv4.c)", "RFC 6191 section 2", "ip-sysctl.rst"],
  },
  {
    name: "net.ipv4.tcp_tw_reuse_delay",
    does: "How many milliseconds a TIME-WAIT must be old before tcp_tw_reuse lets connect() take it. It says how coarse the peer's timestamp clock may be: with less, old segments cannot be told from new ones.",
    versions: ["Since Linux 6.14. Before, it was always 1 s."],
    defaultValue: "1000",
    advice: "Leave it, unless every peer is known to have a faster clock.",
    sources: ["tcp_twsk_unique (net/ipv4/tcp_ipv4.c)", "ip-sysctl.rst", "RFC 7323 section 5.4"],
  },
  {
    name: "net.ipv4.tcp_fin_timeout",
    does: "How many seconds a connection that its program has closed stays in FIN-WAIT-2, waiting for the peer's FIN. Over 60 it is kept as a whole socket for the rest. TCP_LINGER2 sets it for one socket.",
    folklore:
      "“Lower it to shorten TIME-WAIT”: it does not. TIME-WAIT lasts 60 s, a constant compiled into the kernel (TCP_TIMEWAIT_LEN). They only look related because both default to 60.",
    defaultValue: "60",
    advice: "Leave it. A much lower value cuts off peers that close late: their last data is answered with RST.",
    sources: ["tcp_fin_time, TCP_TIMEWAIT_LEN (include/net/tcp.h)", "tcp_close (net/ipv4/tcp.c)", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_max_tw_buckets",
    does: "How many TIME-WAITs a network namespace may have. Beyond it a connection ends without TIME-WAIT, and TCPTimeWaitOverflow counts it. Those that exist stay.",
    folklore:
      "“Lower it to get rid of TIME-WAITs”: it does, and with them goes what they are for. Late segments can then reach a new connection on the same ports, and a lost last ACK leaves the peer in LAST-ACK until it is reset.",
    versions: ["The default is half the number of hash buckets: 262 144 with 524 288 buckets."],
    advice: "Never lower it. Raise it when TCPTimeWaitOverflow grows; each takes 256 bytes.",
    sources: ["inet_twsk_alloc, tcp_time_wait", "tcp_set_hashinfo (net/ipv4/tcp_ipv4.c)", "RFC 9293 section 3.6.1"],
  },
  {
    name: "net.ipv4.tcp_timestamps",
    does: "Timestamps in every segment (RFC 7323): 1 with a random offset for each connection, 2 without, 0 none. They tell old segments from new ones, and measure round trips. tcp_tw_reuse and reconnecting from a fixed port in TIME-WAIT need them.",
    folklore:
      "“They tell attackers the uptime”: not with the random offset. “They cost throughput”: 12 bytes a segment.",
    versions: ["The random offset, and the value 2, exist since Linux 4.10."],
    defaultValue: "1",
    advice: "Leave it at 1. With 0, tcp_tw_reuse has no effect, and fast connections can mistake old data for new.",
    sources: ["tcp_twsk_unique (net/ipv4/tcp_ipv4.c)", "RFC 7323 sections 4 and 5", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_rfc1337",
    does: "With 1, an RST does not end a TIME-WAIT. With 0, one with the expected sequence number does, and an old segment that comes back can provoke it: 'TIME-WAIT assassination'.",
    folklore: "The kernel's own ip-sysctl.rst says that 0 prevents the assassination. It is the other way round.",
    defaultValue: "0",
    advice: "1 is harmless and a little safer; its price is that a peer's RST no longer frees the port early.",
    sources: ["tcp_timewait_state_process (net/ipv4/tcp_minisocks.c)", "RFC 1337 section 2", "tcp(7)"],
  },
];
