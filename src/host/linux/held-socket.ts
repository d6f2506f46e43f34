/**
 * What only the holder of a descriptor can ask: SO_REUSEADDR and SO_REUSEPORT of another process' socket, which no dump shows. The
 * descriptor is duplicated (pidfd_getfd, Linux 5.6, the right to ptrace the process), asked, and closed at once: while it is held, the
 * socket would outlive its owner.
 */
import { errnoName } from "../../base/errno.ts";
import { formatCookie } from "../../tcp/socket-row.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import type { HeldSocketOptions } from "../host.ts";
import {
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SOL_SOCKET,
  SO_COOKIE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SYS_pidfd_getfd,
  SYS_pidfd_open,
} from "./constants.ts";
import type { Libc } from "./libc.ts";

export function readHeldSocket(libc: Libc, pid: number, fd: number): HeldSocketOptions {
  const pidfd = libc.syscall(SYS_pidfd_open, pid, 0, 0);
  if (pidfd < 0) return { errno: errnoName(-pidfd) };
  try {
    const copy = libc.syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    if (copy < 0) return { errno: errnoName(-copy) };
    try {
      return readOptions(libc, copy);
    } finally {
      libc.close(copy);
    }
  } finally {
    libc.close(pidfd);
  }
}

function readOptions(libc: Libc, fd: number): HeldSocketOptions {
  const reuseAddr = readInt(libc, fd, SOL_SOCKET, SO_REUSEADDR);
  const reusePort = readInt(libc, fd, SOL_SOCKET, SO_REUSEPORT);
  if (typeof reuseAddr === "string") return { errno: reuseAddr };
  if (typeof reusePort === "string") return { errno: reusePort };
  const v6only = readInt(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY);
  const cookie = readCookie(libc, fd);
  return {
    reuseAddr: reuseAddr !== 0,
    reusePort: reusePort !== 0,
    ...(typeof v6only === "number" ? { v6only: v6only !== 0 } : {}),
    ...(cookie === undefined ? {} : { cookie }),
  };
}

function readInt(libc: Libc, fd: number, level: number, name: number): number | string {
  const value = new Uint8Array(4);
  const result = libc.getsockopt(fd, level, name, value, new Uint32Array([4]));
  return result < 0 ? errnoName(-result) : new DataView(value.buffer).getInt32(0, LITTLE_ENDIAN);
}

export function readCookie(libc: Libc, fd: number): string | undefined {
  const value = new Uint8Array(8);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_COOKIE, value, new Uint32Array([8])) < 0) return undefined;
  const cookie = new DataView(value.buffer).getBigUint64(0, LITTLE_ENDIAN);
  return formatCookie(Number(cookie >> 32n), Number(cookie & 0xffffffffn));
}
