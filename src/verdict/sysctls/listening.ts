/** Settings of listeners: their queues, and what happens when these are full. */
import type { SysctlKnowledge } from "../sysctl-knowledge.ts";

export const LISTENING_SYSCTLS: readonly SysctlKnowledge[] = [
  {
    name: "net.core.somaxconn",
    does: "The most that listen() grants as backlog: how many connections may wait to be accepted, and as many again may be in their handshake.",
    folklore:
      "“Raise it and the queue grows”: only when the program asks for more, and calls listen() again: restart it.",
    versions: ["4096 since Linux 5.4; 128 before. Each network namespace has its own and starts with the default."],
    defaultValue: "4096",
    advice: "Leave it. A queue that is full needs a faster accept(); a longer one makes clients wait longer.",
    sources: ["__sys_listen (net/socket.c)", "inet_csk_reqsk_queue_is_full", "ip-sysctl.rst"],
  },
  {
    name: "net.ipv4.tcp_max_syn_backlog",
    does: "Looked at only while tcp_syncookies is 0: a new peer's SYN is then dropped when three quarters of it are handshakes of this listener. With SYN cookies the listener's backlog is the limit.",
    folklore: "“Raise it against dropped SYNs”: with SYN cookies on, the default, it is not even read.",
    advice: "Leave it. To allow more handshakes, raise the program's backlog, and somaxconn if that caps it.",
    sources: ["tcp_conn_request (net/ipv4/tcp_input.c)", "inet_csk_reqsk_queue_is_full"],
  },
  {
    name: "net.ipv4.tcp_syncookies",
    does: "What happens when a listener's handshakes fill its backlog: 1 answers further SYNs with a cookie that needs no memory, 0 drops them, 2 always sends cookies.",
    folklore:
      "“Cookies break connections”: they are only sent when the queue is full, and the other choice is to drop.",
    versions: ["2 exists since Linux 3.12."],
    defaultValue: "1",
    advice: "Leave it at 1. With 0 a few hundred forged SYNs close a listener; 2 is for tests.",
    sources: ["tcp_conn_request, tcp_syn_flood_action (net/ipv4/tcp_input.c)", "RFC 4987 section 3.6", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_abort_on_overflow",
    does: "With 1, a handshake that completes while the accept queue is full is answered with RST. With 0 it is remembered, and the connection succeeds as soon as the program accepts.",
    folklore:
      "It does not reset every client that finds the queue full: their SYNs are dropped before, with 0 and with 1.",
    defaultValue: "0",
    advice: "Leave it at 0: a short burst is then a delay for the client, with 1 it is ECONNRESET.",
    sources: ["tcp_check_req (net/ipv4/tcp_minisocks.c)", "ip-sysctl.rst", "tcp(7)"],
  },
  {
    name: "net.ipv4.tcp_migrate_req",
    does: "With 1, connections that wait in the queue of a closing SO_REUSEPORT listener move to another of its group instead of being reset.",
    versions: ["Since Linux 5.14."],
    defaultValue: "0",
    advice: "1 makes restarts of SO_REUSEPORT servers lose no connection. All of the group must serve the same.",
    sources: ["inet_csk_listen_stop, reuseport_migrate_sock", "ip-sysctl.rst"],
  },
];
