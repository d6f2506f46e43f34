/**
 * The bind probe: a socket with the wanted options, bound and closed. Nothing is sent and nothing listens. On kernels before 6.18 a probe
 * of a port that outgoing connections use can keep connect() away from it until they end (docs/kernel/bind.md).
 */
import { errnoName } from "../../base/errno.ts";
import { PortmortemError } from "../../base/errors.ts";
import { encodeSockaddr } from "../../wire/sockaddr.ts";
import type { BindAnswer, BindAttempt } from "../host.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SYS_setresuid,
} from "./constants.ts";
import type { Libc } from "./libc.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";

export function probeBind(
  libc: Libc,
  attempt: BindAttempt,
  interfaceIndex: (name: string) => number | undefined,
): BindAnswer {
  const [address = "", scope] = attempt.address.split("%", 2);
  const sockaddr = encodeSockaddr(
    address,
    attempt.port,
    scope === undefined ? 0 : (interfaceIndex(scope) ?? Number(scope)),
  );
  if (sockaddr === undefined) return { refused: `${attempt.address} is no numeric address` };
  return asUser(libc, attempt.uid, () => bindOnce(libc, attempt, sockaddr));
}

function bindOnce(libc: Libc, attempt: BindAttempt, sockaddr: Uint8Array): BindAnswer {
  const ipv6 = sockaddr.length === 28;
  const type = attempt.protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM;
  const fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return { result: errnoName(-fd), step: "socket" };
  try {
    const set = (level: number, name: number, value: Uint8Array): number =>
      libc.setsockopt(fd, level, name, value, value.length);
    let failed = 0;
    if (ipv6) failed = set(IPPROTO_IPV6, IPV6_V6ONLY, flag(attempt.v6only === true));
    if (failed === 0 && attempt.reuseAddr) failed = set(SOL_SOCKET, SO_REUSEADDR, flag(true));
    if (failed === 0 && attempt.reusePort) failed = set(SOL_SOCKET, SO_REUSEPORT, flag(true));
    if (failed === 0 && attempt.device !== undefined) {
      failed = set(SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${attempt.device}\0`));
    }
    if (failed < 0) return { result: errnoName(-failed), step: "option" };
    const bound = libc.bind(fd, sockaddr, sockaddr.length);
    return { result: bound === 0 ? "ok" : errnoName(-bound), step: "bind" };
  } finally {
    libc.close(fd);
  }
}

function flag(on: boolean): Uint8Array {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setInt32(0, on ? 1 : 0, LITTLE_ENDIAN);
  return value;
}

/**
 * Runs the probe with another effective user: the socket gets that user's uid (which SO_REUSEPORT compares), and the capability for
 * privileged ports goes with root's. The raw system call changes this thread alone, and it is changed back before anything else runs.
 */
function asUser(libc: Libc, uid: number | undefined, work: () => BindAnswer): BindAnswer {
  const self = process.geteuid?.();
  if (uid === undefined || uid === self || self === undefined) return work();
  const setresuid = SYS_setresuid[process.arch];
  if (setresuid === undefined) return { refused: `the number of setresuid(2) on ${process.arch} is not known here` };
  const changed = libc.syscall(setresuid, -1, uid, -1);
  if (changed < 0) return { refused: `trying as uid ${uid} needs root`, errno: errnoName(-changed) };
  try {
    return work();
  } finally {
    becomeAgain(libc, setresuid, self);
  }
}

/** Going on as another user would make every later answer a lie. */
function becomeAgain(libc: Libc, setresuid: number, uid: number): void {
  const back = libc.syscall(setresuid, -1, uid, -1);
  if (back < 0)
    throw new PortmortemError("PM_DEFECT", `setresuid back to ${uid} failed: ${errnoName(-back)}`, {
      errno: errnoName(-back),
    });
}
