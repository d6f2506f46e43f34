/** Settings of connections that end, or that nobody would notice to be dead. */
import type { SysctlKnowledge } from "../sysctl-knowledge.ts";

export const CLOSING_SYSCTLS: readonly SysctlKnowledge[] = [
  {
    name: "net.ipv4.tcp_keepalive_time",
    does: "After how many idle seconds the first keepalive probe is sent, on sockets that set SO_KEEPALIVE and did not choose their own time (TCP_KEEPIDLE).",
    folklore: "“Lower it and dead peers are found”: only for programs that ask for keepalive. Most sockets do not.",
    defaultValue: "7200",
    advice:
      "Below the idle timeout of the firewalls on the way, 300 for instance; and set SO_KEEPALIVE in the program.",
    sources: ["keepalive_time_when (include/net/tcp.h)", "RFC 9293 section 3.8.4", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_keepalive_intvl",
    does: "Seconds between keepalive probes that are not answered. With tcp_keepalive_probes it says how long a dead peer is probed: 9 probes of 75 s are 11 minutes.",
    defaultValue: "75",
    advice: "10 to 30 finds a dead peer sooner. Like all three, it is only for sockets with SO_KEEPALIVE.",
    sources: ["keepalive_intvl_when (include/net/tcp.h)", "ip-sysctl.rst", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_keepalive_probes",
    does: "After how many keepalive probes without an answer the connection is ended, with ETIMEDOUT. Where TCP_USER_TIMEOUT is set, that decides instead.",
    defaultValue: "9",
    advice: "3 to 5 are enough on a network that seldom loses packets.",
    sources: ["tcp_keepalive_timer (net/ipv4/tcp_timer.c)", "ip-sysctl.rst", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_retries2",
    does: "How long data is retransmitted to a peer that does not answer, counted in retransmissions: the time that N of them would take from 200 ms on, doubling up to 120 s. 15 are 924.6 s.",
    folklore: "The number is not the number of packets: it is turned into a time, and a slower path sends fewer.",
    defaultValue: "15",
    advice: "8 (100 s) is the least that RFC 1122 allows. For one program, TCP_USER_TIMEOUT is the better way.",
    sources: [
      "tcp_write_timeout, tcp_model_timeout (net/ipv4/tcp_timer.c)",
      "RFC 1122 section 4.2.3.5",
      "ip-sysctl.rst",
    ],
  },
  {
    name: "net.ipv4.tcp_orphan_retries",
    does: "The same for connections that no program holds any more (FIN-WAIT-1, CLOSING, LAST-ACK): how long their last data and FIN are retransmitted.",
    folklore: "0 does not mean “none”: it means 8, about 100 s, as long as the path is not at its slowest.",
    defaultValue: "0",
    advice: "Leave it. With 1, what a program wrote just before it closed is lost after 0.6 s without an answer.",
    sources: ["tcp_orphan_retries, tcp_write_timeout (net/ipv4/tcp_timer.c)", "ip-sysctl.rst"],
  },
  {
    name: "net.ipv4.tcp_max_orphans",
    does: "How many connections that no program holds may exist, on the whole machine. Beyond it the next is ended with RST instead of FIN, what it had still to send is lost, and TCPAbortOnMemory counts it.",
    versions: ["It is one for the machine: other network namespaces do not show it."],
    advice: "Never lower it. Each orphan takes up to 64 KiB of memory that cannot be swapped.",
    sources: ["tcp_check_oom, tcp_out_of_resources (net/ipv4/tcp_timer.c)", "ip-sysctl.rst", "tcp(7)"],
  },
];
