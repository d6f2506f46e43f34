// A table of constants: numbers of the Linux ABI that the host's calls use (asm-generic values; the same on x86, arm, arm64, riscv,
// ppc64 and loong64 for all that is named here, unless a comment says otherwise).

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const IPPROTO_IP = 0;
export const IPPROTO_IPV6 = 41;
export const NETLINK_SOCK_DIAG = 4;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_BROADCAST = 6;
export const SO_REUSEPORT = 15;
export const SO_RCVTIMEO = 20;
export const SO_BINDTODEVICE = 25;
export const SO_COOKIE = 57;
export const IPV6_V6ONLY = 26;
export const IP_FREEBIND = 15;
export const IP_BIND_ADDRESS_NO_PORT = 24;

export const AF_UNSPEC = 0;
export const SHUT_RDWR = 2;
export const MSG_DONTWAIT = 0x40;
export const POLLIN = 1;

export const CLONE_NEWNET = 0x40000000;
export const SIOCGIFNAME = 0x8910;
export const SIOCGIFINDEX = 0x8933;

export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

export const EPERM = 1;
export const EINTR = 4;
export const EAGAIN = 11;
export const EACCES = 13;
export const EINVAL = 22;
export const EPROTO = 71;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;

/** The calls of pidfds have the same numbers on every architecture (they came after the tables were unified). */
export const SYS_pidfd_send_signal = 424;
export const SYS_pidfd_open = 434;
export const SYS_pidfd_getfd = 438;

/** setresuid(2) by architecture: the raw call changes one thread; the C library's wrapper would change them all. */
export const SYS_setresuid: Readonly<Record<string, number>> = {
  x64: 117,
  arm64: 147,
  riscv64: 147,
  loong64: 147,
  ppc64: 164,
};
