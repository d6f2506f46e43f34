/**
 * What a datagram socket has of its earlier life beside options: the peer to which it is connected (it hears nobody else), and the multicast
 * groups that it is in (IP_ADD_MEMBERSHIP says EADDRINUSE to who would join again). A stream that listens has neither.
 */
import { parseMulticastGroups } from "../../wire/procfs/multicast-groups.ts";
import { SOCK_DGRAM, SOL_SOCKET } from "./constants.ts";
import type { Libc } from "./libc.ts";
import { readText } from "./read-file.ts";

const SO_TYPE = 3;
const SO_PEERNAME = 28;
const SO_BINDTOIFINDEX = 62;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const IP_DROP_MEMBERSHIP = 36;
const IPV6_DROP_MEMBERSHIP = 21;
/** struct sockaddr of AF_UNSPEC, which dissolves the connection; the port stays bound. */
const NOBODY = new Uint8Array(16);

/** `tid`: a thread in the network namespace of the socket. */
export function forgetPeers(libc: Libc, fd: number, tid: number): void {
  if (readInt(libc, fd, SO_TYPE) !== SOCK_DGRAM) return;
  leaveGroups(libc, fd, tid);
  // More than the name has is EINVAL (sk_getsockopt()): a sockaddr_in is in each.
  const peer = new Uint8Array(16);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peer, new Uint32Array([peer.length])) < 0) return;
  const device = readInt(libc, fd, SO_BINDTOIFINDEX);
  libc.connect(fd, NOBODY, NOBODY.length);
  // It takes the device away too (__udp_disconnect() in net/ipv4/udp.c).
  if (device !== undefined && device !== 0) libc.setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, int(device), 4);
}

/** Nobody tells in which groups a socket is: it leaves all that its namespace is in. EADDRNOTAVAIL where it is not. */
function leaveGroups(libc: Libc, fd: number, tid: number): void {
  const { ipv4, ipv6 } = parseMulticastGroups(
    readText(`/proc/${tid}/net/igmp`) ?? "",
    readText(`/proc/${tid}/net/igmp6`) ?? "",
  );
  // struct ip_mreqn: group, address of the device, its index; struct ipv6_mreq: group, index.
  for (const { group, ifindex } of ipv4)
    drop(libc, fd, SOL_IP, IP_DROP_MEMBERSHIP, Buffer.concat([group, int(0), int(ifindex)]));
  for (const { group, ifindex } of ipv6)
    drop(libc, fd, SOL_IPV6, IPV6_DROP_MEMBERSHIP, Buffer.concat([group, int(ifindex)]));
}

function drop(libc: Libc, fd: number, level: number, name: number, membership: Uint8Array): void {
  libc.setsockopt(fd, level, name, membership, membership.length);
}

function int(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

function readInt(libc: Libc, fd: number, name: number): number | undefined {
  const value = new Int32Array(1);
  const bytes = new Uint8Array(value.buffer);
  return libc.getsockopt(fd, SOL_SOCKET, name, bytes, new Uint32Array([4])) < 0 ? undefined : value[0];
}
