/** A socket of the keeper's own, bound as a server would bind it, for a program that is handed it (passed-descriptors.ts). */
import { errnoName } from "../../base/errno.ts";
import { encodeSockaddr } from "../../wire/sockaddr.ts";
import type { CannotKeep, ListenerEndpoint, ListenerOptions, PassedSocket } from "../keeping.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_REUSEADDR,
  SO_REUSEPORT,
} from "./constants.ts";
import { KeptDescriptor } from "./kept-socket.ts";
import type { Libc } from "./libc.ts";

/** Rights: those of bind(2). Nothing is left open where a step is refused. */
export function bindListener(
  libc: Libc,
  endpoint: ListenerEndpoint,
  { backlog, reuseAddr, reusePort }: ListenerOptions,
): PassedSocket | CannotKeep {
  const { protocol, family, address, port, scopeIndex, v6only } = endpoint;
  const tcp = protocol === "tcp";
  const name = encodeSockaddr(address, port, scopeIndex);
  if (name === undefined) return { step: `the address ${address}`, errno: "EINVAL" };
  const type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
  const fd = libc.socket(family === "ipv6" ? AF_INET6 : AF_INET, type, 0);
  if (fd < 0) return { step: "socket(2)", errno: errnoName(-fd) };
  const set = (level: number, option: number, on: boolean): number => {
    const value = new Uint8Array(new Int32Array([Number(on)]).buffer);
    return libc.setsockopt(fd, level, option, value, value.length);
  };
  const steps: readonly (readonly [step: string, result: () => number])[] = [
    ["setsockopt(SO_REUSEADDR)", () => (tcp && reuseAddr ? set(SOL_SOCKET, SO_REUSEADDR, true) : 0)],
    ["setsockopt(SO_REUSEPORT)", () => (reusePort ? set(SOL_SOCKET, SO_REUSEPORT, true) : 0)],
    [
      "setsockopt(IPV6_V6ONLY)",
      () => (family === "ipv6" && v6only !== undefined ? set(IPPROTO_IPV6, IPV6_V6ONLY, v6only) : 0),
    ],
    ["bind(2)", () => libc.bind(fd, name, name.length)],
    ["listen(2)", () => (tcp ? libc.listen(fd, backlog) : 0)],
  ];
  for (const [step, result] of steps) {
    const answer = result();
    if (answer >= 0) continue;
    libc.close(fd);
    return { step, errno: errnoName(-answer) };
  }
  return new KeptDescriptor(libc, fd);
}
