/** The stories of programs and machines that end. */
import type { Page } from "./page.ts";

export const EXIT_STORIES: readonly Page[] = [
  {
    word: "exit",
    kind: "story",
    title: "What the kernel does with sockets when a program ends",
    aliases: ["process-exit", "crash", "crashed-program", "do_exit"],
    text: [
      "A crash, an exit and a kill are one way: the kernel closes every descriptor. `do_exit` sets PF_EXITING, then `exit_files`, `put_files_struct` (by the last user of the table), `close_files`, `filp_close`, `fput`; then, as task work, `__fput`, `sock_close`, `inet_release`, `tcp_close`; last `exit_notify`, which wakes the parent.",
      "tcp_close decides: LISTEN ends, with an RST to each connection in its queue; unread data or SO_LINGER 0: RST; otherwise a FIN after what is queued, without the program. A descriptor that another process has, too (inherited, sent, io_uring), keeps its socket open.",
    ],
    ladder: { scenario: "server-killed", ends: ["CLOSED", "TIME-WAIT"] },
    remedy: [{ text: "wait for the end of the process before you bind anew, as free does: kill() returns before it" }],
    sources: ["do_exit (kernel/exit.c), close_files (fs/file.c), inet_release, tcp_close (net/ipv4/tcp.c)"],
    see: ["kill-9", "orphan", "inherited-listener"],
  },
  {
    word: "kill-9",
    kind: "story",
    title: "kill -9 closes cleanly, as far as TCP goes",
    aliases: ["sigkill", "kill", "server-killed"],
    text: [
      "SIGKILL cannot be caught, and the kernel closes all sockets as at any exit: FIN for an idle connection. So the server that was killed closed first: FIN-WAIT-2, and TIME-WAIT on its port once the client closes as well. If the client takes longer than 60 s, its FIN is answered by an RST, and there is no TIME-WAIT at all.",
      "With unread data it is an RST at once. SO_LINGER with a time does not wait.",
    ],
    ladder: { scenario: "server-killed", ends: ["CLOSED", "TIME-WAIT"] },
    folklore: [
      { said: "kill -9 skips the closing handshake", truth: "the kernel does it; only the program is skipped" },
    ],
    remedy: [{ text: "SO_REUSEADDR on the listener, and the next start binds at once" }],
    sources: ["do_exit (kernel/exit.c), inet_release (net/ipv4/af_inet.c), tcp_close (net/ipv4/tcp.c)"],
    see: ["exit", "client-killed", "so_reuseaddr"],
  },
  {
    word: "client-killed",
    kind: "story",
    title: "The client is killed: its port waits, not the server's",
    aliases: ["kill-client", "client-crash", "remote-dies"],
    text: [
      "The kernel of the client sends the FIN; the server reads 0 bytes and is in CLOSE-WAIT until its program closes. The TIME-WAIT is with the client's port, of which there are thousands. A server that does not react to the 0 keeps the CLOSE-WAIT for ever.",
    ],
    ladder: { scenario: "client-killed", ends: ["TIME-WAIT", "CLOSED"] },
    remedy: [{ text: "does the server close?", command: "portmortem ls 'state close-wait'" }],
    sources: ["RFC 9293 3.6", "tcp_close (net/ipv4/tcp.c), tcp_fin (net/ipv4/tcp_input.c)"],
    see: ["close-wait", "kill-9", "half-open"],
  },
  {
    word: "half-open",
    kind: "story",
    title: "Half-open: the other machine is gone, and nobody says so",
    aliases: ["half-open-connection", "remote-vanishes", "peer-vanishes", "network-failure", "dead-peer"],
    text: [
      "A cable, a power cut, a firewall that forgets: no FIN, no RST. This end stays ESTABLISHED. If it sends, it finds out after tcp_retries2 attempts, about 15 minutes, with ETIMEDOUT, or by an RST at once if the machine is back. If it only reads, it never finds out, unless SO_KEEPALIVE is set: by default after two hours and eleven minutes.",
    ],
    ladder: { scenario: "peer-gone-idle", ends: ["CLOSED", "ESTABLISHED"] },
    folklore: [
      { said: "TCP notices when the other side dies", truth: "only if something is sent, or keepalive is on" },
    ],
    remedy: [
      { text: "SO_KEEPALIVE with TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT of seconds; TCP_USER_TIMEOUT for writers" },
      {
        text: "those that were idle for long (TIMER is empty: no keepalive)",
        command: "portmortem ls --info 'state established'",
      },
    ],
    sources: ["RFC 9293 3.5.1, 3.8.4", "tcp_write_timeout, tcp_keepalive_timer (net/ipv4/tcp_timer.c)"],
    see: ["so_keepalive", "tcp_user_timeout", "peer-restarted"],
  },
  {
    word: "peer-gone-writing",
    kind: "story",
    title: "Writing to somebody who has vanished",
    aliases: ["retransmits", "retransmission-timeout"],
    text: [
      "write() succeeds: it only fills the buffer. The kernel sends the data again, at longer and longer intervals, up to tcp_retries2 times (15: at least 924 s). Then the connection is gone, and the next call gets ETIMEDOUT.",
    ],
    ladder: { scenario: "peer-gone-writing", ends: ["CLOSED", "ESTABLISHED"] },
    remedy: [
      { text: "TCP_USER_TIMEOUT on the socket says how long you are willing to wait" },
      { text: "who is being retransmitted to (`2x` under TIMER)", command: "portmortem ls --sort timer" },
    ],
    sources: [
      "RFC 9293 3.8.3",
      "tcp_retransmit_timer, tcp_write_timeout (net/ipv4/tcp_timer.c)",
      "ip-sysctl.rst (tcp_retries2)",
    ],
    see: ["tcp_user_timeout", "half-open", "etimedout"],
  },
  {
    word: "peer-restarted",
    kind: "story",
    title: "The other machine was started again",
    aliases: ["reboot", "power-cut", "rebooted"],
    text: [
      "It knows nothing of the old connection. The first segment that reaches it is answered by an RST, and this end learns the truth with ECONNRESET. Until this end sends something, it believes in the connection.",
    ],
    ladder: { scenario: "peer-restarted", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "a heartbeat, or SO_KEEPALIVE with a short time, and reconnect on ECONNRESET" }],
    sources: ["RFC 9293 3.5.1, figure 10", "tcp_v4_send_reset (net/ipv4/tcp_ipv4.c)"],
    see: ["half-open", "econnreset"],
  },
  {
    word: "pending-connections",
    kind: "story",
    title: "A listener closes while connections wait to be accepted",
    aliases: ["unaccepted", "pending", "accept-queue", "listener-closes"],
    text: [
      "The handshake is done by the kernel: clients are connected, and may have sent their request, before accept() takes them. When the listener closes or its program dies, each of them gets an RST; nobody gets a TIME-WAIT. Half-done handshakes end by themselves.",
      "As long as they wait they hold the port, and no process owns them.",
    ],
    ladder: { scenario: "listener-closes", ends: ["CLOSED", "CLOSED"] },
    folklore: [
      { said: "closing a listener with connections pending leaves TIME-WAIT", truth: "on Linux: RST, and nothing" },
    ],
    remedy: [
      { text: "accept what is queued before you close, or hand the listener over" },
      { text: "how many wait (QUEUE)", command: "portmortem ls -l" },
    ],
    sources: ["inet_csk_listen_stop (net/ipv4/inet_connection_sock.c)"],
    see: ["backlog", "listen", "econnreset"],
  },
  {
    word: "orphan",
    kind: "story",
    title: "Orphans: sockets that the kernel finishes alone",
    aliases: ["orphans", "orphan-unanswered", "orphaned"],
    text: [
      "After close() or the death of the program the kernel still has to deliver what was written, and its FIN: FIN-WAIT-1, CLOSING, LAST-ACK without an owner. They hold the port; there is nobody to kill. With a peer that does not answer they last 8 retransmissions, about 100 s (tcp_orphan_retries=0 means 8).",
      "Above tcp_max_orphans, or without memory, the kernel resets new ones: TCPAbortOnMemory.",
    ],
    ladder: { scenario: "orphan-unanswered", ends: ["CLOSED", "ESTABLISHED"] },
    remedy: [
      { text: "which, and for how long", command: "portmortem ls 'state fin-wait-1 state last-ack state closing'" },
      {
        text: "give up on them, with what they carry (Linux 6.11)",
        command: "sudo portmortem drop 'state last-ack'",
      },
    ],
    sources: [
      "tcp_orphan_retries, tcp_out_of_resources (net/ipv4/tcp_timer.c)",
      "bac76cf89816 (SOCK_DESTROY of orphans)",
    ],
    see: ["fin-wait-1", "last-ack", "tcp_max_orphans"],
  },
];
