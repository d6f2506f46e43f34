/**
 * A kept socket that is put in the place of a new one gets the options that the program has set on the new one, or has not: those of its
 * earlier life are not another's. What was accepted already, or waits to be, has the old ones.
 *
 * The numbers are of asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h and linux/udp.h. What cannot be read
 * stays as it was: filters and programs (SO_ATTACH_BPF …), keys (TCP_MD5SIG).
 */
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { SOL_SOCKET } from "./constants.ts";
import type { Libc } from "./libc.ts";

const SOL_IP = 0;
const SOL_TCP = 6;
const SOL_UDP = 17;
const SOL_IPV6 = 41;

type Option = readonly [level: number, name: number, bytes: number];

function options(level: number, names: Readonly<Record<string, number>>, bytes = 4): readonly Option[] {
  return Object.values(names).map((name) => [level, name, bytes]);
}

/** In this order: some change another (IP_TOS the priority, SO_RCVLOWAT and TCP_WINDOW_CLAMP the buffer, one kind of time stamps the other). */
export const CARRIED_OPTIONS: readonly Option[] = [
  ...options(SOL_IP, {
    IP_TOS: 1,
    IP_TTL: 2,
    IP_RECVOPTS: 6,
    IP_PKTINFO: 8,
    IP_MTU_DISCOVER: 10,
    IP_RECVERR: 11,
    IP_RECVTTL: 12,
    IP_RECVTOS: 13,
    IP_FREEBIND: 15,
    IP_TRANSPARENT: 19,
    IP_RECVORIGDSTADDR: 20,
    IP_MINTTL: 21,
    IP_MULTICAST_TTL: 33,
    IP_MULTICAST_LOOP: 34,
    IP_MULTICAST_ALL: 49,
  }),
  ...options(SOL_IPV6, {
    IPV6_UNICAST_HOPS: 16,
    IPV6_MULTICAST_IF: 17,
    IPV6_MULTICAST_HOPS: 18,
    IPV6_MULTICAST_LOOP: 19,
    IPV6_MTU_DISCOVER: 23,
    IPV6_RECVERR: 25,
    IPV6_MULTICAST_ALL: 29,
    IPV6_RECVPKTINFO: 49,
    IPV6_RECVHOPLIMIT: 51,
    IPV6_DONTFRAG: 62,
    IPV6_RECVTCLASS: 66,
    IPV6_TCLASS: 67,
    IPV6_AUTOFLOWLABEL: 70,
    IPV6_MINHOPCOUNT: 73,
    IPV6_RECVORIGDSTADDR: 74,
    IPV6_TRANSPARENT: 75,
    IPV6_FREEBIND: 78,
  }),
  ...options(SOL_TCP, {
    TCP_NODELAY: 1,
    TCP_CORK: 3,
    TCP_KEEPIDLE: 4,
    TCP_KEEPINTVL: 5,
    TCP_KEEPCNT: 6,
    TCP_SYNCNT: 7,
    TCP_LINGER2: 8,
    TCP_DEFER_ACCEPT: 9,
    TCP_WINDOW_CLAMP: 10,
    TCP_USER_TIMEOUT: 18,
    TCP_FASTOPEN: 23,
    TCP_NOTSENT_LOWAT: 25,
    TCP_SAVE_SYN: 27,
    TCP_FASTOPEN_NO_COOKIE: 34,
  }),
  ...options(SOL_TCP, { TCP_CONGESTION: 13 }, 16),
  ...options(SOL_UDP, { UDP_SEGMENT: 103, UDP_GRO: 104 }),
  ...options(SOL_SOCKET, {
    SO_DONTROUTE: 5,
    SO_BROADCAST: 6,
    SO_KEEPALIVE: 9,
    SO_OOBINLINE: 10,
    SO_PRIORITY: 12,
    SO_RCVLOWAT: 18,
    SO_TIMESTAMP: 29,
    SO_TIMESTAMPNS: 35,
    SO_MARK: 36,
    SO_RXQ_OVFL: 40,
    SO_BUSY_POLL: 46,
    SO_ZEROCOPY: 60,
  }),
  ...options(SOL_SOCKET, { SO_LINGER: 13, SO_MAX_PACING_RATE: 47 }, 8),
  ...options(SOL_SOCKET, { SO_RCVTIMEO: 20, SO_SNDTIMEO: 21 }, 16),
];

/** The kernel doubles what is set (SOCK_MIN_RCVBUF in net/core/sock.c); FORCE goes over net.core.rmem_max, for who may, as the program could. */
const BUFFERS = [
  { name: 7, force: 32 }, // SO_SNDBUF, SO_SNDBUFFORCE
  { name: 8, force: 33 }, // SO_RCVBUF, SO_RCVBUFFORCE
] as const;
/** Which of them were set, and are not the kernel's to tune: SOCK_SNDBUF_LOCK is 1, SOCK_RCVBUF_LOCK 2 (Linux 5.15). */
const SO_BUF_LOCK = 72;

/** Both are descriptors of ours. What the kernel refuses is left as it is. */
export function carryOptions(libc: Libc, from: number, to: number): void {
  for (const option of CARRIED_OPTIONS) {
    const wanted = read(libc, from, option);
    const found = read(libc, to, option);
    if (wanted === undefined || found === undefined || wanted.equals(found)) continue;
    libc.setsockopt(to, option[0], option[1], wanted, wanted.length);
  }
  carryBuffers(libc, from, to);
}

function carryBuffers(libc: Libc, from: number, to: number): void {
  const lock: Option = [SOL_SOCKET, SO_BUF_LOCK, 4];
  const locked = read(libc, from, lock);
  // An older kernel does not tell whether somebody has set them, and what is set is not tuned any more.
  if (locked === undefined) return;
  for (const { name, force } of BUFFERS) {
    const size = read(libc, from, [SOL_SOCKET, name, 4]);
    const own = read(libc, to, [SOL_SOCKET, name, 4]);
    if (size === undefined || own === undefined || size.equals(own)) continue;
    const bytes = new DataView(size.buffer, size.byteOffset).getInt32(0, LITTLE_ENDIAN);
    const half = new Uint8Array(new Int32Array([bytes / 2]).buffer);
    if (libc.setsockopt(to, SOL_SOCKET, force, half, half.length) < 0)
      libc.setsockopt(to, SOL_SOCKET, name, half, half.length);
  }
  libc.setsockopt(to, SOL_SOCKET, SO_BUF_LOCK, locked, locked.length);
}

/** Undefined: the socket has no such option. */
function read(libc: Libc, fd: number, [level, name, bytes]: Option): Buffer | undefined {
  const value = Buffer.alloc(bytes);
  const length = new Uint32Array([bytes]);
  return libc.getsockopt(fd, level, name, value, length) < 0 ? undefined : value.subarray(0, length[0]);
}
