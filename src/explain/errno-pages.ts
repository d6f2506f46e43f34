/** What the system calls answer, and why. */
import type { Page } from "./page.ts";

function errno(name: string, page: Omit<Page, "word" | "kind">): Page {
  return { word: name, kind: "errno", ...page };
}

export const ERRNO_PAGES: readonly Page[] = [
  errno("EADDRINUSE", {
    title: "EADDRINUSE: another socket holds the port",
    aliases: ["address-in-use"],
    text: [
      "From bind(), and from listen(), which judges again. In the way can be: a listener, a connection (also one that nobody has accepted, or an outgoing one), an orphan, a TIME-WAIT, a socket that is only bound. Only some of them belong to a process.",
      "bind() to port 0 answers it when every port of the range is held. connect() does not: it says EADDRNOTAVAIL.",
    ],
    folklore: [{ said: "some process must be listening: find it and kill it", truth: "often nobody holds it" }],
    remedy: [
      { text: "which socket, by which rule, and for how long", command: "portmortem why 8080" },
      { text: "the least that frees it, shown first", command: "portmortem free 8080" },
    ],
    sources: ["inet_csk_get_port, inet_csk_listen_start (net/ipv4/inet_connection_sock.c); bind(2)"],
    see: ["reuse", "time-wait", "stolen-port", "listener"],
  }),
  errno("EADDRNOTAVAIL", {
    title: "EADDRNOTAVAIL: no such address here, or no port left",
    text: [
      "From bind(): the address is on no device of this machine (or not on the one that the socket is bound to).",
      "From connect(): every local port is taken for this peer. Ports in TIME-WAIT to it count, and those that some program has bound by number. Or the program bound a port itself, and a connection with the same four numbers exists.",
    ],
    remedy: [
      { text: "how many ports to which peer are taken", command: "portmortem ls --count --by peer 'state time-wait'" },
      { text: "get them back at once", command: "sudo portmortem drop 'state time-wait dst 10.0.0.5'" },
      { text: "more ports", command: "sudo sysctl -w net.ipv4.ip_local_port_range='10240 65535'" },
      { text: "keep connections open and use them again; IP_BIND_ADDRESS_NO_PORT if you bind an address" },
    ],
    sources: ["__inet_bind (net/ipv4/af_inet.c), __inet_hash_connect (net/ipv4/inet_hashtables.c)"],
    see: ["address-not-local", "reserved-port-client", "tcp_tw_reuse"],
  }),
  errno("EACCES", {
    title: "EACCES: a privileged port, and no right to it",
    aliases: ["permission-denied"],
    text: [
      "From bind(): ports below net.ipv4.ip_unprivileged_port_start (1024) need CAP_NET_BIND_SERVICE in the user namespace that owns the network namespace. Being root in another user namespace, as in many containers, is not enough. A security module can be the reason, too.",
    ],
    remedy: [
      { text: "give the program this one right", command: "sudo setcap cap_net_bind_service=+ep /path/to/program" },
      { text: "or everybody from port 80 on", command: "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80" },
    ],
    sources: ["__inet_bind (net/ipv4/af_inet.c); capabilities(7)"],
    see: ["privileged-port", "refused"],
  }),
  errno("ECONNREFUSED", {
    title: "ECONNREFUSED: the machine is there, and nobody listens",
    aliases: ["connection-refused"],
    text: [
      "From connect(): the SYN was answered by an RST. No listener on that address and port, or it listens on another address only (127.0.0.1), in another network namespace, or for the other family. Some firewalls answer so as well.",
    ],
    ladder: { scenario: "refused", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "who listens where", command: "portmortem ls -l" }],
    sources: ["RFC 9293 3.10.7.1", "tcp_v4_send_reset (net/ipv4/tcp_ipv4.c), tcp_reset (net/ipv4/tcp_input.c)"],
    see: ["econnreset", "etimedout", "listen"],
  }),
  errno("ECONNRESET", {
    title: "ECONNRESET: the other end ended it by an RST",
    aliases: ["connection-reset", "connection-reset-by-peer"],
    text: [
      "From read() and write(), once; then reading answers 0 and writing EPIPE. The other end closed with unread data or with SO_LINGER 0, had closed before your data came, was killed with unread data, stopped listening while you waited to be accepted, was started again, or a firewall has forgotten you. What was on its way is lost.",
    ],
    ladder: { scenario: "unread-data", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "reconnect and ask again, if asking twice does no harm" }],
    sources: ["tcp_reset (net/ipv4/tcp_input.c)"],
    see: ["unread-data", "linger", "pending-connections", "peer-restarted"],
  }),
  errno("ECONNABORTED", {
    title: "ECONNABORTED: ended on this machine, from outside",
    aliases: ["connection-aborted"],
    text: [
      "Somebody with CAP_NET_ADMIN destroyed the socket (`portmortem drop`, `ss -K`): its program reads what is buffered, then gets ECONNABORTED once. The other end sees an RST, ECONNRESET. Node shows an error event with this code.",
    ],
    ladder: { scenario: "destroyed", ends: ["CLOSED", "CLOSED"] },
    folklore: [
      { said: "destroying a listener frees its port", truth: "the descriptor keeps it, and the server spins or hangs" },
    ],
    sources: ["tcp_abort (net/ipv4/tcp.c), since Linux 4.5 (c1e64e298b8c)", "CONFIG_INET_DIAG_DESTROY"],
    see: ["econnreset", "bound"],
  }),
  errno("EPIPE", {
    title: "EPIPE: writing to a connection that is over",
    aliases: ["sigpipe"],
    text: [
      "This end has shut down its sending, or the other end has closed and answered earlier data by an RST. The program also gets SIGPIPE, which ends it unless it is ignored (Node ignores it) or MSG_NOSIGNAL is set. The write before it seemed to succeed; nobody has read it.",
    ],
    ladder: { scenario: "data-after-close", ends: ["CLOSED", "CLOSED"] },
    remedy: [{ text: "heed the 0 that read() answered before: the other side had closed" }],
    sources: ["tcp_reset (net/ipv4/tcp_input.c), sk_stream_error (net/core/stream.c); send(2)"],
    see: ["late-data", "close-wait", "econnreset"],
  }),
  errno("ETIMEDOUT", {
    title: "ETIMEDOUT: nobody has answered",
    aliases: ["timed-out", "timeout"],
    text: [
      "From connect(): no answer to the SYN, about two minutes. From read() and write(): data was not acknowledged (tcp_retries2, at least 924 s, or TCP_USER_TIMEOUT), or keepalive was not answered. A dropped packet looks the same whether the host is off, the address is wrong or a firewall is silent.",
    ],
    ladder: { scenario: "syn-unanswered", ends: ["CLOSED", "LISTEN"] },
    remedy: [{ text: "set time-outs of your own: for connect, for answers, TCP_USER_TIMEOUT for writes" }],
    sources: ["tcp_write_timeout, tcp_keepalive_timer (net/ipv4/tcp_timer.c)"],
    see: ["syn-sent", "half-open", "tcp_user_timeout", "econnrefused"],
  }),
  errno("EINVAL", {
    title: "EINVAL: the call does not fit the socket",
    aliases: ["invalid-argument"],
    text: [
      "From bind(): the socket is bound or connected already; an IPv6 link-local address without its device (fe80::1%eth0); an IPv4-mapped address on an IPV6_V6ONLY socket. From accept(): the socket does not listen, or its listener was destroyed or shut down under it. From listen(): it is connected.",
    ],
    remedy: [{ text: "name the device with a link-local address", command: "portmortem why '[fe80::1%eth0]:8080'" }],
    sources: ["__inet_bind (net/ipv4/af_inet.c), __inet6_bind (net/ipv6/af_inet6.c)", "inet_csk_accept"],
    see: ["scope-missing", "ipv6_v6only", "econnaborted"],
  }),
  errno("EAFNOSUPPORT", {
    title: "EAFNOSUPPORT: the address is of another family",
    text: [
      "An IPv4 address for an IPv6 socket or the reverse, or IPv6 is switched off (socket() answers it then). An IPv6 socket takes IPv4 addresses as ::ffff:192.0.2.1.",
    ],
    sources: ["__inet_bind (net/ipv4/af_inet.c), __inet6_bind (net/ipv6/af_inet6.c)"],
    see: ["address-family", "ipv6_v6only"],
  }),
  errno("EPERM", {
    title: "EPERM: a rule of the system forbids it",
    text: [
      "From bind() and connect(): a BPF program of the cgroup refuses (systemd's SocketBindDeny, a container engine), or a firewall rule rejects what is sent. For privileged ports the answer is EACCES, not EPERM. From drop and ss -K: CAP_NET_ADMIN is missing.",
    ],
    remedy: [{ text: "is it a bind?", command: "portmortem why 8080" }],
    sources: ["BPF_CGROUP_RUN_PROG_INET4_BIND_LOCK (__inet_bind)", "sock_diag_destroy (net/core/sock_diag.c)"],
    see: ["refused", "eacces"],
  }),
  errno("EMFILE", {
    title: "EMFILE, ENFILE: no descriptors left",
    aliases: ["enfile", "too-many-open-files", "rlimit_nofile"],
    text: [
      "EMFILE: the process has as many descriptors as RLIMIT_NOFILE allows. ENFILE: the whole machine has (fs.file-max). accept() then fails while the connection stays in the queue, so a server that asks again at once spins. Sockets that a program forgot, in CLOSE-WAIT, are the usual reason.",
    ],
    remedy: [
      { text: "who leaks", command: "portmortem ls --count --by process 'state close-wait'" },
      { text: "what a process may have", command: "grep 'open files' /proc/PID/limits" },
    ],
    sources: ["alloc_fd (fs/file.c), alloc_empty_file (fs/file_table.c); accept(2)"],
    see: ["close-wait", "backlog"],
  }),
];
