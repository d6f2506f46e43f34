/** Options of a socket, and the backlog of listen(). */
import type { Page } from "./page.ts";

function option(name: string, page: Omit<Page, "word" | "kind">): Page {
  return { word: name, kind: "option", ...page };
}

export const OPTION_PAGES: readonly Page[] = [
  option("SO_REUSEADDR", {
    title: "SO_REUSEADDR: bind over what does not listen",
    aliases: ["reuseaddr", "reuse-addr"],
    text: [
      "Set before bind(). The bind passes over a socket in the way if that one has the option as well and is not in LISTEN. TIME-WAIT, accepted connections and sockets that are only bound count alike. A connection has it from its listener; a client only if the program set it.",
      "Node, nginx and most servers set it; clients mostly do not. It does not help bind() to port 0.",
    ],
    folklore: [
      { said: "it ends the TIME-WAIT", truth: "that stays; it only stops to block" },
      { said: "one side is enough", truth: "both: measured in all four combinations" },
    ],
    remedy: [{ text: "does it help here?", command: "portmortem why 8080 --no-reuse-addr" }],
    sources: ["inet_bind_conflict (net/ipv4/inet_connection_sock.c); socket(7)"],
    see: ["reuse", "so_reuseport", "time-wait"],
  }),
  option("SO_REUSEPORT", {
    title: "SO_REUSEPORT: several sockets listen on one port",
    aliases: ["reuseport", "reuse-port"],
    text: [
      "If both sockets have it and run as the same user, they share address and port, listeners included. The kernel deals connections out by a hash. When one of them closes, what waits in its queue is reset, unless tcp_migrate_req is on (Linux 5.14).",
      "A connection that was accepted has the user of the process that accepted it.",
    ],
    folklore: [{ said: "it is a stronger SO_REUSEADDR", truth: "it asks for the same user, SO_REUSEADDR does not" }],
    remedy: [{ text: "try it", command: "portmortem why 8080 --reuse-port" }],
    sources: ["inet_bind_conflict, inet_csk_listen_stop (net/ipv4/inet_connection_sock.c)", "socket(7)"],
    see: ["reuse", "shadowed-listener"],
  }),
  option("SO_LINGER", {
    title: "SO_LINGER: how long close() takes, and whether it is kind",
    text: [
      "Off (the default): close() returns at once, and the kernel delivers what is queued. On with a time: close() waits so long for the delivery. On with 0: close() throws away what is queued and sends an RST; no TIME-WAIT.",
      "Connections have it from their listener. At the exit of the process a time does not wait, but 0 still resets.",
    ],
    ladder: { scenario: "linger-zero", ends: ["CLOSED", "CLOSED"] },
    sources: ["tcp_close, tcp_disconnect (net/ipv4/tcp.c); inet_release (net/ipv4/af_inet.c)", "socket(7)"],
    see: ["linger", "unread-data", "tcp_linger2"],
  }),
  option("SO_KEEPALIVE", {
    title: "SO_KEEPALIVE: ask a silent peer whether it is there",
    aliases: ["keepalive", "keep-alive", "tcp_keepidle", "tcp_keepintvl", "tcp_keepcnt"],
    text: [
      "Off by default. After tcp_keepalive_time (2 hours) without a segment a probe is sent, then one each tcp_keepalive_intvl (75 s); after tcp_keepalive_probes (9) without an answer the connection ends with ETIMEDOUT. TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT set it for one socket, in seconds.",
    ],
    ladder: { scenario: "peer-gone-idle", ends: ["CLOSED", "ESTABLISHED"] },
    folklore: [{ said: "the sysctls switch keepalive on", truth: "they are the times of sockets that set the option" }],
    remedy: [{ text: "which have it: TIMER says keepalive", command: "portmortem ls 'state established'" }],
    sources: ["tcp_keepalive_timer (net/ipv4/tcp_timer.c); tcp(7); RFC 9293 3.8.4"],
    see: ["half-open", "tcp_user_timeout"],
  }),
  option("TCP_USER_TIMEOUT", {
    title: "TCP_USER_TIMEOUT: how long data may stay unacknowledged",
    aliases: ["user-timeout"],
    text: [
      "In milliseconds, for one socket. If what was sent is not acknowledged for so long, the connection ends with ETIMEDOUT, instead of after tcp_retries2 attempts (at least 924 s). It also counts for a closed window, and it overrides the number of keepalive probes. It does nothing for a connection that is idle without keepalive.",
    ],
    ladder: { scenario: "peer-gone-writing", ends: ["CLOSED", "ESTABLISHED"] },
    sources: ["tcp_write_timeout, tcp_keepalive_timer (net/ipv4/tcp_timer.c)", "tcp(7); RFC 5482"],
    see: ["half-open", "so_keepalive", "etimedout"],
  }),
  option("TCP_LINGER2", {
    title: "TCP_LINGER2: tcp_fin_timeout for one socket",
    aliases: ["linger2"],
    text: [
      "How many seconds the socket stays in FIN-WAIT-2 after nobody holds it. A negative value: it is not waited for at all, the close ends with an RST. It has nothing to do with SO_LINGER, nor with TIME-WAIT.",
    ],
    ladder: { scenario: "never-closed", ends: ["CLOSED", "CLOSE-WAIT"] },
    sources: ["tcp_close (net/ipv4/tcp.c), tcp_fin_time (include/net/tcp.h)", "tcp(7)"],
    see: ["fin-wait-2", "tcp_fin_timeout", "so_linger"],
  }),
  option("IPV6_V6ONLY", {
    title: "IPV6_V6ONLY: an IPv6 socket that leaves IPv4 alone",
    aliases: ["v6only", "dual-stack"],
    text: [
      "Off (the default, net.ipv6.bindv6only=0): a socket on `::` takes IPv4 too, as ::ffff:a.b.c.d, and conflicts with sockets of both families. On: IPv6 only, and another program can have the same port of IPv4. A bind to one IPv6 address sets it by itself.",
      "Connections of a dual-stack listener and IPv6 clients have it off, even between IPv6 addresses: a client [::1]:41000 blocks a bind to 0.0.0.0:41000, but not one to 127.0.0.1:41000.",
    ],
    remedy: [{ text: "as a socket that sets it", command: "portmortem why 8080 --v6only" }],
    sources: ["__inet6_bind (net/ipv6/af_inet6.c)", "inet_rcv_saddr_equal (net/ipv4/inet_connection_sock.c); ipv6(7)"],
    see: ["shadowed-listener", "address-family"],
  }),
  option("SO_BINDTODEVICE", {
    title: "SO_BINDTODEVICE: only through this device",
    aliases: ["bindtodevice", "device"],
    text: [
      "The socket sends and receives through one device. Two sockets that are bound to different devices never conflict, even on one port and address; a socket without a device conflicts with both. On current kernels the first setting needs no right (seen on 6.18); to change it needs CAP_NET_RAW.",
    ],
    remedy: [{ text: "as a socket of that device", command: "portmortem why 8080 --device eth0" }],
    sources: [
      "inet_bind_conflict (net/ipv4/inet_connection_sock.c)",
      "sock_bindtoindex_locked (net/core/sock.c); socket(7)",
    ],
    see: ["device-not-found", "eaddrinuse"],
  }),
  option("IP_BIND_ADDRESS_NO_PORT", {
    title: "IP_BIND_ADDRESS_NO_PORT: an address now, a port at connect()",
    aliases: ["bind-address-no-port"],
    text: [
      "With bind(address, 0) the kernel normally takes a port at once, one that is free to everybody. With this option it waits for connect(), and then a port is enough that is free to that peer. Proxies with one source address get far more connections so. Until connect() the socket holds no port and is in no table.",
    ],
    sources: [
      "__inet_bind (net/ipv4/af_inet.c), __inet_hash_connect (net/ipv4/inet_hashtables.c)",
      "ip(7), since Linux 4.2",
    ],
    see: ["eaddrnotavail", "reserved-port-client", "IP_LOCAL_PORT_RANGE"],
  }),
  {
    word: "IP_LOCAL_PORT_RANGE",
    kind: "option",
    title: "IP_LOCAL_PORT_RANGE: a range of local ports for one socket",
    text: [
      "Narrows net.ipv4.ip_local_port_range for one socket: the lower bound in the low 16 bits, the upper in the high ones; option 51, Linux 6.3. So two services of a machine can keep out of each other's ports. It counts for connect() and for bind() to port 0.",
    ],
    sources: ["__inet_hash_connect (net/ipv4/inet_hashtables.c); ip(7)"],
    see: ["eaddrnotavail", "stolen-port", "ip_bind_address_no_port"],
  },
  option("TCP_DEFER_ACCEPT", {
    title: "TCP_DEFER_ACCEPT: wake the server when there is data",
    aliases: ["defer-accept"],
    text: [
      "The last ACK of the handshake does not make a connection yet: it stays a request in SYN-RECEIVED until the first data comes, or the time given in seconds is over (rounded to SYN,ACK retransmissions). The client believes that it is connected. Seen from outside it looks like a SYN flood: many SYN-RECEIVED.",
    ],
    remedy: [{ text: "how many", command: "portmortem ls --count --by port 'state syn-recv'" }],
    sources: ["tcp_check_req (net/ipv4/tcp_minisocks.c); tcp(7)"],
    see: ["syn-received", "backlog"],
  }),
  {
    word: "backlog",
    kind: "option",
    title: "The backlog of listen(): how many may wait",
    aliases: ["listen-backlog", "accept-queue-limit", "listen-overflows"],
    text: [
      "listen(fd, n) lets n + 1 finished connections wait for accept(), n capped by net.core.somaxconn (4096; 128 before Linux 5.4). When the queue is full, the last ACK of a handshake is dropped, and the client is connected without the server knowing: it sends, waits, and sends again. With tcp_abort_on_overflow it gets an RST instead.",
    ],
    folklore: [{ said: "a larger backlog makes a slow server faster", truth: "it makes the clients wait longer" }],
    remedy: [
      { text: "who waits, and how many may (QUEUE)", command: "portmortem ls -l" },
      { text: "was it ever full?", command: "nstat -az TcpExtListenOverflows TcpExtListenDrops" },
    ],
    sources: ["sk_acceptq_is_full (include/net/sock.h), tcp_v4_syn_recv_sock (net/ipv4/tcp_ipv4.c)", "listen(2)"],
    see: ["pending-connections", "somaxconn", "syn-received"],
  },
];
