/** Settings of ports: which the kernel hands out, and who may bind which. */
import type { SysctlKnowledge } from "../sysctl-knowledge.ts";

export const PORT_SYSCTLS: readonly SysctlKnowledge[] = [
  {
    name: "net.ipv4.ip_local_port_range",
    does: "The ports that the kernel takes from for connect() and bind() to port 0, for TCP and UDP, IPv4 and IPv6. A port can be used once for each remote endpoint, not only once.",
    folklore:
      "“1024 65535 and all is well”: then an outgoing connection can sit on the port of a service that is just restarting, and the bind fails.",
    versions: ["IP_LOCAL_PORT_RANGE narrows it for one socket since Linux 6.3."],
    defaultValue: "32768 60999",
    advice:
      "Widen it downwards as far as no service listens there, or reserve the services' ports: ip_local_reserved_ports.",
    sources: ["__inet_hash_connect (net/ipv4/inet_hashtables.c)", "ipv4_local_port_range (net/ipv4/sysctl_net_ipv4.c)"],
  },
  {
    name: "net.ipv4.ip_local_reserved_ports",
    does: "Ports that the kernel does not take by itself for connect() and bind() to port 0. A bind() that names the port is not affected.",
    folklore: "It frees nothing: a connection that has the port keeps it until it closes.",
    defaultValue: "",
    advice: "List the ports of services that lie in ip_local_port_range. Writing replaces the list, it does not add.",
    sources: ["__inet_hash_connect, inet_csk_find_open_port", "ip-sysctl.rst"],
  },
  {
    name: "net.ipv4.ip_unprivileged_port_start",
    does: "The first port that every user may bind. Below it CAP_NET_BIND_SERVICE is needed, in the user namespace that owns the network namespace.",
    versions: ["Since Linux 4.11. Docker sets it to 0 inside containers since 20.10."],
    defaultValue: "1024",
    advice: "Lowering it is fine where nobody else logs in: any user can then take the port of a service that is down.",
    sources: ["inet_port_requires_bind_service (include/net/ip.h)", "ip-sysctl.rst", "moby/moby#41030"],
  },
  {
    name: "net.ipv4.ip_nonlocal_bind",
    does: "With 1, bind() takes any IPv4 address, also one that this machine does not have: no EADDRNOTAVAIL. IPv6 has its own.",
    folklore: "Not needed for a floating address where the program can set IP_FREEBIND.",
    defaultValue: "0",
    advice: "Leave it at 0, so that a wrong address is an error and not a server that nobody can reach.",
    sources: ["inet_addr_valid_or_nonlocal (include/net/inet_sock.h)", "ip-sysctl.rst"],
  },
];
