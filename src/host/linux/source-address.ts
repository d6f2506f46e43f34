/**
 * The local address that the kernel chooses for a connection: a UDP socket is connected, which sends nothing, and asked for its name.
 * The route lookup and the checks of a bound address are those of a TCP connect() (ip4_datagram_connect and tcp_v4_connect both call
 * ip_route_connect; docs/kernel/connect.md).
 */
import { errnoName } from "../../base/errno.ts";
import { formatIp } from "../../tcp/ip-address.ts";
import { encodeSockaddr } from "../../wire/sockaddr.ts";
import type { SourceAnswer, SourceQuestion } from "../host.ts";
import {
  AF_INET,
  AF_INET6,
  EACCES,
  EAGAIN,
  IPPROTO_IP,
  IP_BIND_ADDRESS_NO_PORT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  SO_BROADCAST,
} from "./constants.ts";
import type { Libc } from "./libc.ts";

/** Any port but 0: nothing is sent there. */
const DISCARD = 9;

export function readSourceAddress(
  libc: Libc,
  { remote, from }: SourceQuestion,
  interfaceIndex: (name: string) => number | undefined,
): SourceAnswer {
  const encode = (text: string, port: number): Uint8Array | undefined => {
    const [address = "", scope] = text.split("%", 2);
    return encodeSockaddr(address, port, scope === undefined ? 0 : (interfaceIndex(scope) ?? Number(scope)));
  };
  const there = encode(remote, DISCARD);
  if (there === undefined) return { refused: `${remote} is no numeric address` };
  const here = from === undefined ? undefined : encode(from, 0);
  if (from !== undefined && here === undefined) return { refused: `${from} is no numeric address` };
  const fd = libc.socket(there.length === 28 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return { errno: errnoName(-fd), step: "socket" };
  try {
    if (here !== undefined) {
      const on = new Uint8Array(new Int32Array([1]).buffer);
      // The address alone: of ports UDP may have none left, which says nothing about TCP's.
      libc.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, on, on.length);
      const bound = libc.bind(fd, here, here.length);
      if (bound < 0) return { errno: errnoName(-bound), step: "bind" };
    }
    const connected = libc.connect(fd, there, there.length);
    if (-connected === EACCES && isBroadcast(libc, fd, there)) return { errno: "ENETUNREACH", step: "connect" };
    if (-connected === EAGAIN) return { refused: "UDP has no port left to ask for the route with (EAGAIN)" };
    if (connected < 0) return { errno: errnoName(-connected), step: "connect" };
    const name = new Uint8Array(28);
    const told = libc.getsockname(fd, name, new Uint32Array([name.length]));
    if (told < 0) return { refused: `getsockname() was answered with ${errnoName(-told)}` };
    return { source: formatIp(there.length === 28 ? name.slice(8, 24) : name.slice(4, 8)) };
  } finally {
    libc.close(fd);
  }
}

/** UDP may go to a broadcast address where it asks for it; TCP gets ENETUNREACH (tcp_v4_connect). A route that prohibits stays EACCES. */
function isBroadcast(libc: Libc, fd: number, there: Uint8Array): boolean {
  const on = new Uint8Array(new Int32Array([1]).buffer);
  libc.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, on, on.length);
  return libc.connect(fd, there, there.length) === 0;
}
