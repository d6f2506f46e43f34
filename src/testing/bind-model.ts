/**
 * What bind(2) answers on a fake machine: a small model, written from the kernel's rules and apart from verdict/, so that each can show the
 * other's mistakes.
 *
 * It covers: IPv6 switched off, unknown devices, addresses that are not local, privileged ports, dual-stack and V6ONLY, SO_REUSEADDR,
 * SO_REUSEPORT of one user, SO_BINDTODEVICE, TIME-WAIT. It does not cover: the kernel's shortcut for SO_REUSEPORT (which accepts a few
 * binds that these rules refuse), port 0 on a machine whose ports are all taken, BPF programs, security modules.
 */
import { parseIp, isMapped } from "../tcp/ip-address.ts";
import type { BindAnswer, BindAttempt } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";

export interface BindWorld {
  readonly ipv6: boolean;
  readonly addresses: readonly string[];
  readonly interfaces: readonly string[];
  readonly unprivilegedPortStart: number;
  readonly nonlocalBind: boolean;
  readonly mayBindPrivileged: boolean;
  readonly uid: number;
  readonly holders: readonly { readonly socket: Socket; readonly reuseAddr: boolean; readonly reusePort: boolean }[];
}

export function bindOn(world: BindWorld, attempt: BindAttempt): BindAnswer {
  const ip = parseIp(attempt.address);
  if (ip === undefined) return { refused: `${attempt.address} is no numeric address` };
  if (ip.bytes.length === 16 && !world.ipv6) return { result: "EAFNOSUPPORT", step: "socket" };
  if (attempt.device !== undefined && !world.interfaces.includes(attempt.device))
    return { result: "ENODEV", step: "option" };
  return { result: errnoOfBind(world, attempt, ip.bytes, ip.scope) ?? "ok", step: "bind" };
}

function errnoOfBind(
  world: BindWorld,
  attempt: BindAttempt,
  bytes: Uint8Array,
  scope: string | undefined,
): string | undefined {
  const mine = coverOf(attempt.address, attempt.v6only === true);
  const linkLocal = bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
  const invalid =
    (linkLocal && scope === undefined && attempt.device === undefined) || (isMapped(bytes) && attempt.v6only === true);
  const foreign = invalid ? "EINVAL" : isLocal(world, mine) ? undefined : "EADDRNOTAVAIL";
  const privileged =
    attempt.port > 0 && attempt.port < world.unprivilegedPortStart && !world.mayBindPrivileged ? "EACCES" : undefined;
  // __inet_bind looks at the address first, __inet6_bind at the privilege.
  const early = bytes.length === 16 ? (privileged ?? foreign) : (foreign ?? privileged);
  if (early !== undefined) return early;
  return attempt.port > 0 && world.holders.some((held) => refuses(held, world, attempt, mine))
    ? "EADDRINUSE"
    : undefined;
}

/** What an address takes of the two address spaces: "all" of one, one address of it, or "none". */
interface Cover {
  readonly v4: string;
  readonly v6: string;
}

function coverOf(address: string, v6only: boolean): Cover {
  const bare = address.replace(/%.*/, "").replace(/^::ffff:(?=\d+\.)/i, "");
  if (bare === "::") return { v4: v6only ? "none" : "all", v6: "all" };
  if (bare.includes(":")) return { v4: "none", v6: bare };
  return { v4: bare === "0.0.0.0" ? "all" : bare, v6: "none" };
}

function meet(a: string, b: string): boolean {
  return a !== "none" && b !== "none" && (a === "all" || b === "all" || a === b);
}

function isLocal(world: BindWorld, cover: Cover): boolean {
  const one = cover.v6 === "none" ? cover.v4 : cover.v6;
  return one === "all" || world.nonlocalBind || one.startsWith("127.") || world.addresses.includes(one);
}

function refuses(held: BindWorld["holders"][number], world: BindWorld, attempt: BindAttempt, mine: Cover): boolean {
  const { socket } = held;
  if (socket.protocol !== attempt.protocol || socket.local.port !== attempt.port) return false;
  // Neither is in the port's bucket: a request that is not a connection yet, and a socket that gave its port back.
  if (socket.protocol === "tcp" && (socket.state === "SYN-RECEIVED" || socket.state === "CLOSED")) return false;
  const theirs = coverOf(socket.local.address, socket.v6only === true);
  const overlap =
    meet(mine.v4, theirs.v4) || meet(mine.v6, theirs.v6) || isSurprise(attempt, mine, theirs, socket.v6only === true);
  if (!overlap) return false;
  const device = socket.local.interface;
  if (attempt.device !== undefined && device !== undefined && attempt.device !== device) return false;
  if (attempt.reuseAddr && held.reuseAddr && socket.state !== "LISTEN") return false;
  const sameUser = isMinisock(socket) || socket.uid === (attempt.uid ?? world.uid);
  return !(attempt.reusePort && held.reusePort && sameUser);
}

/** TIME-WAIT, and what waits in FIN-WAIT-2 without a program: to the kernel one kind of socket, which has no user. */
function isMinisock({ state, inode, timer }: Socket): boolean {
  return state === "TIME-WAIT" || (state === "FIN-WAIT-2" && inode === undefined && timer?.kind === "time-wait");
}

/** An AF_INET wildcard is refused next to an IPv6 socket that could have taken IPv4, though its address is IPv6. */
function isSurprise(attempt: BindAttempt, mine: Cover, theirs: Cover, theirV6only: boolean): boolean {
  return !attempt.address.includes(":") && mine.v4 === "all" && theirs.v6 !== "none" && !theirV6only;
}
