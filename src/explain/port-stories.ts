/** The stories of ports: who gets one, who takes one, and what folklore turned. */
import type { Page } from "./page.ts";

export const PORT_STORIES: readonly Page[] = [
  {
    word: "reuse",
    kind: "story",
    title: "SO_REUSEADDR against SO_REUSEPORT",
    aliases: ["reuseaddr-vs-reuseport", "so_reuseaddr-so_reuseport", "sharing-a-port", "address-already-in-use"],
    text: [
      "SO_REUSEADDR passes over sockets that do not listen (bound, connections, TIME-WAIT as below), if the old socket set it too; never over a listener. Of two sockets that are bound so, the second to listen gets EADDRINUSE.",
      "SO_REUSEPORT shares the port with a listener, if both set it and run as the same user; connections are dealt out between them.",
    ],
    ladder: { scenario: "server-closes-first", ends: ["CLOSED", "CLOSED"] },
    folklore: [{ said: "just set SO_REUSEADDR", truth: "half true: both sides, and no listener" }],
    remedy: [{ text: "which of the two would help here", command: "portmortem why 8080 --reuse-port" }],
    sources: ["inet_bind_conflict (net/ipv4/inet_connection_sock.c)", "socket(7)"],
    see: ["so_reuseaddr", "so_reuseport", "time-wait", "shadowed-listener"],
  },
  {
    word: "reserved-port-client",
    kind: "story",
    title: "A client with a port of its own: EADDRNOTAVAIL at connect()",
    aliases: ["rsh", "rresvport", "bind-before-connect", "client-port"],
    text: [
      "rsh and its like bind a local port below 1024 before connect(). With SO_REUSEADDR bind() gives the port again at once, though it is in TIME-WAIT to that very server; then connect() finds the same four numbers in use.",
      "On Linux it passes if both ends use timestamps (the default), whatever tcp_tw_reuse says; without them connect() fails with EADDRNOTAVAIL, not EADDRINUSE. A connection that still lives is never replaced.",
    ],
    ladder: { scenario: "client-closes-first", ends: ["CLOSED", "CLOSED"] },
    remedy: [
      {
        text: "do not bind, or with IP_BIND_ADDRESS_NO_PORT: the kernel chooses a free port",
      },
      { text: "if the port must be below 1024: try the next one on EADDRNOTAVAIL" },
    ],
    sources: ["__inet_check_established, tcp_twsk_unique (net/ipv4/tcp_ipv4.c)"],
    see: ["eaddrnotavail", "ip_bind_address_no_port", "so_reuseaddr", "tcp_tw_reuse"],
  },
  {
    word: "stolen-port",
    kind: "story",
    title: "An outgoing connection has the port of your server",
    aliases: ["client", "ephemeral-port", "port-stolen", "local-port-range"],
    text: [
      "connect() takes any free port of `net.ipv4.ip_local_port_range` (32768 to 60999 by default). If your server's port is in it and the server is down for a moment, an outgoing connection can take it; it blocks the server, SO_REUSEADDR or not, because clients do not set it. A program that connects to a port of this machine where nobody listens can even connect to itself.",
    ],
    folklore: [{ said: "EADDRINUSE means that a server is running", truth: "a client's connection does it, too" }],
    remedy: [
      { text: "who has it; the line with all that is reserved already", command: "portmortem why 49200" },
      { text: "end that connection, not its program", command: "portmortem free 49200 --drop-clients" },
      { text: "keep it for bind()", command: "sudo sysctl -w net.ipv4.ip_local_reserved_ports=49200" },
      { text: "or choose a port outside the range" },
    ],
    sources: ["__inet_hash_connect (net/ipv4/inet_hashtables.c)", "ip-sysctl.rst (ip_local_reserved_ports)"],
    see: ["ip_local_port_range", "eaddrinuse", "connection"],
  },
  {
    word: "shadowed-listener",
    kind: "story",
    title: "A more specific address takes the connections",
    aliases: ["hijack", "interception", "more-specific", "shadow"],
    text: [
      "Of two listeners on a port the more specific address gets the connection: 192.0.2.1:8080 before 0.0.0.0:8080. On Linux they cannot listen side by side unless both have SO_REUSEPORT and the same user. But IPv4 and IPv6 are two worlds: with IPV6_V6ONLY one program can have port 8080 of IPv6, and another that of IPv4.",
    ],
    folklore: [
      {
        said: "SO_REUSEADDR lets another user steal a server's connections",
        truth: "not on Linux: a listener is never passed over",
      },
    ],
    remedy: [{ text: "who listens on which address", command: "portmortem ls -l 'sport = :8080'" }],
    sources: ["inet_bind_conflict (net/ipv4/inet_connection_sock.c)", "compute_score (net/ipv4/inet_hashtables.c)"],
    see: ["reuse", "ipv6_v6only", "listener"],
  },
  {
    word: "inherited-listener",
    kind: "story",
    title: "The server is dead, and its port is still taken",
    aliases: ["inherited", "fork", "forked-child", "leaked-descriptor", "cloexec"],
    text: [
      "A descriptor that a child inherited is the same socket: it listens on as long as one process holds it, though nobody may ever call accept(). The same goes for a descriptor that was sent through a Unix socket, or registered with io_uring. Connections are still taken into the queue, and never answered.",
    ],
    remedy: [
      { text: "who really holds it", command: "portmortem why 8080" },
      { text: "ask all of them to end", command: "portmortem free 8080" },
      { text: "open with SOCK_CLOEXEC, and close what a child does not need" },
    ],
    sources: ["filp_close, fput (fs/open.c, fs/file_table.c)", "experiment: the parent killed, the child holds LISTEN"],
    see: ["exit", "listener", "pending-connections"],
  },
  {
    word: "tcp_tw_recycle",
    kind: "story",
    title: "tcp_tw_recycle: gone since Linux 4.12",
    aliases: ["net.ipv4.tcp_tw_recycle", "recycle"],
    text: [
      "It ended TIME-WAIT within a retransmission time-out, by remembering the last timestamp of each peer address. Several machines behind one NAT share an address and not a clock: their connections were dropped without a word. When Linux 4.10 began to give every connection its own timestamp offset, it could not work at all, and 4.12 removed it.",
    ],
    folklore: [
      {
        said: "echo 1 > tcp_tw_recycle clears TIME-WAIT",
        truth: "there is no such file any more; sysctl.conf may still say it",
      },
    ],
    remedy: [
      { text: "remove the line", command: "grep -rs tcp_tw_recycle /etc/sysctl.conf /etc/sysctl.d" },
      { text: "for clients: tcp_tw_reuse. For servers: SO_REUSEADDR" },
    ],
    sources: ["4396e46187ca (tcp: remove tcp_tw_recycle)"],
    see: ["tcp_tw_reuse", "time-wait-length", "why-time-wait"],
  },
];
