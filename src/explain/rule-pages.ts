/** The words under which `why` names what stands in the way: a page of its own for each, or the page that tells it already. */
import type { BlockerRule } from "../verdict/why.ts";
import type { Page } from "./page.ts";

type RulePage = Omit<Page, "word" | "kind">;

export const RULE_TEXTS: Readonly<Record<BlockerRule, RulePage | { readonly pageOf: string }>> = {
  listener: {
    title: "listener: somebody listens where the bind would",
    text: [
      "A socket in LISTEN whose address overlaps: the same one, or one of the two is a wildcard. 0.0.0.0 and a dual-stack :: overlap with every IPv4 address. SO_REUSEADDR does not pass over it; SO_REUSEPORT does if both have it and run as one user.",
    ],
    remedy: [
      { text: "whose it is, and what to do", command: "portmortem why 8080" },
      { text: "ask its program to end, and see that the port is free", command: "portmortem free 8080" },
      { text: "no owner is shown? as root they all are", command: "sudo portmortem why 8080" },
    ],
    sources: ["inet_bind_conflict (net/ipv4/inet_connection_sock.c)"],
    see: ["listen", "reuse", "inherited-listener"],
  },
  "time-wait": { pageOf: "time-wait" },
  "fin-wait-2": { pageOf: "fin-wait-2" },
  orphan: { pageOf: "orphan" },
  "close-wait": { pageOf: "close-wait" },
  bound: { pageOf: "bound" },
  client: { pageOf: "stolen-port" },
  connection: {
    title: "connection: a connection on this port",
    text: [
      "Neither its listener nor an outgoing connect() is to be seen, so nobody can tell who opened it: often the connections of a server that has closed its listener, or was replaced. It blocks a bind unless both sockets set SO_REUSEADDR.",
    ],
    remedy: [
      { text: "who holds it", command: "portmortem ls 'sport = :8080'" },
      { text: "end it and leave its program alone", command: "portmortem free 8080" },
    ],
    sources: ["inet_bind_conflict (net/ipv4/inet_connection_sock.c)"],
    see: ["stolen-port", "so_reuseaddr"],
  },
  unaccepted: { pageOf: "pending-connections" },
  "privileged-port": {
    title: "privileged-port: below 1024, and no right to it",
    text: [
      "Ports below net.ipv4.ip_unprivileged_port_start (1024 by default, 0 in many containers) need CAP_NET_BIND_SERVICE. bind() answers EACCES, whether the port is free or not.",
    ],
    remedy: [
      { text: "give the program this one right", command: "sudo setcap cap_net_bind_service=+ep /path/to/program" },
      { text: "or let systemd open the socket and hand it over (man systemd.socket)" },
    ],
    sources: ["__inet_bind (net/ipv4/af_inet.c); ip-sysctl.rst (ip_unprivileged_port_start)"],
    see: ["eacces"],
  },
  "address-not-local": {
    title: "address-not-local: no device here has this address",
    text: [
      "bind() answers EADDRNOTAVAIL. The address belongs to another machine, to the host outside of the container, or its device is not up yet at boot. All of 127.0.0.0/8 is local. net.ipv4.ip_nonlocal_bind and IP_FREEBIND allow it nevertheless: for addresses that move between machines.",
    ],
    remedy: [
      { text: "the addresses of this machine", command: "ip -br address" },
      { text: "bind to every address instead: 0.0.0.0, or ::" },
    ],
    sources: ["inet_addr_valid_or_nonlocal (include/net/inet_sock.h), __inet_bind"],
    see: ["eaddrnotavail"],
  },
  "scope-missing": {
    title: "scope-missing: a link-local address without its device",
    text: [
      "Every device has addresses of fe80::/10, so the kernel has to be told which one is meant. bind() answers EINVAL.",
    ],
    remedy: [{ text: "name the device", command: "portmortem why '[fe80::1%eth0]:8080'" }],
    sources: ["__inet6_bind (net/ipv6/af_inet6.c); RFC 4007"],
    see: ["einval"],
  },
  "device-not-found": {
    title: "device-not-found: the device cannot be bound to",
    text: ["There is no device of this name in this network namespace, or SO_BINDTODEVICE was refused."],
    remedy: [{ text: "the devices that there are", command: "ip -br link" }],
    sources: ["sock_setbindtodevice (net/core/sock.c)"],
    see: ["so_bindtodevice"],
  },
  "address-family": {
    title: "address-family: the address is of a family that is off",
    text: [
      "IPv6 is switched off on this machine or this device, or an IPv4-mapped address was asked of an IPV6_V6ONLY socket.",
    ],
    remedy: [{ text: "is IPv6 off?", command: "sysctl net.ipv6.conf.all.disable_ipv6" }],
    sources: ["__inet6_bind (net/ipv6/af_inet6.c)"],
    see: ["eafnosupport", "ipv6_v6only"],
  },
  refused: {
    title: "refused: the kernel says no, and no socket explains it",
    text: [
      "A BPF program of the cgroup (systemd's SocketBindAllow and SocketBindDeny), or a security module. It is asked after the port was found free, and it need not tell why.",
    ],
    remedy: [
      { text: "what systemd forbids", command: "systemctl show -p SocketBindDeny -p SocketBindAllow UNIT" },
      { text: "what SELinux or AppArmor noted", command: "sudo journalctl -k -g 'denied|DENIED'" },
    ],
    sources: ["__inet_bind (net/ipv4/af_inet.c); systemd.resource-control(5)"],
    see: ["eperm", "eacces"],
  },
  unseen: {
    title: "unseen: EADDRINUSE, and nothing to be seen",
    text: [
      "The kernel says that the port is held, and no socket that this user may see explains it. Before Linux 6.8 sockets that are only bound are shown nowhere; a recording or /proc alone shows less than sock_diag.",
    ],
    remedy: [{ text: "look with more rights", command: "sudo portmortem why 8080" }],
    sources: ["91051f003948 (inet_diag: dump bound sockets, Linux 6.8)"],
    see: ["bound", "inherited-listener"],
  },
};
