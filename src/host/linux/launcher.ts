/**
 * The body of a launcher: a process of Node that is started ahead of time, puts itself under the seccomp filter, waits at a gate, and then
 * becomes the program by execve(2). The program has the launcher's pid, and what a fresh child of a shell has: nothing of Node's is left
 * but what `restore()` cannot know (docs/kernel/seccomp-notify.md has the list).
 *
 * A launcher whose keeper dies while it waits stays and lets the calls of the programs that live through (launcher-stand-in.ts).
 */
import { readSync, writeSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { CONTROL_FD, UNFILTERED, bytesOf, decodeFrame, encodeFrame } from "./launcher-messages.ts";
import type { FromLauncher, LaunchOrder } from "./launcher-messages.ts";
import { standIn, takeInherited } from "./launcher-stand-in.ts";
import { passOn } from "./passed-descriptors.ts";
import { loadLibc } from "./libc.ts";
import type { Libc, Native } from "./libc.ts";
import { installBindFilter } from "./seccomp.ts";

const F_SETFD = 2;
const RLIMIT_NOFILE = 7;
const SIG_SETMASK = 2;
/** Handlers end with the exec, what is ignored stays ignored: Node ignores these two (PlatformInit() in src/node.cc). */
const IGNORED_BY_NODE = [13 /* SIGPIPE */, 25 /* SIGXFSZ */];
/** struct sigaction of glibc and musl on 64 bits: handler, mask, flags, restorer. All zero: SIG_DFL. */
const SIGACTION_BYTES = 152;
const SIGSET_BYTES = 128;
/** setpgid(2) by architecture. */
const SYS_setpgid: Readonly<Record<string, number>> = { x64: 109, arm64: 154 };

const ENOENT = 2;
const ENOEXEC = 8;
const EACCES = 13;
const ENOTDIR = 20;

/** Comes back only if it does not become a program. */
export function runLauncher(): void {
  const native = loadLibc();
  if ("why" in native) {
    tell({ kind: "unable", step: native.why, errno: "ENOSYS" });
    return;
  }
  const { libc } = native;
  // A group of its own: what a terminal sends to the keeper's group is not for one who waits.
  libc.syscall(SYS_setpgid[process.arch] ?? -1, 0, 0, 0);
  const order = process.env[UNFILTERED] === "1" ? waitUnfiltered() : waitUnderFilter(native);
  if (order === undefined) return;
  const control = passOn(libc, order.passed);
  if ("errno" in control) {
    tell({ kind: "failed", ...control });
    return;
  }
  restore(libc, order);
  const [errno, path] = becomeProgram(libc, order);
  tell({ kind: "failed", errno: errnoName(errno), path }, control.fd);
}

/** Undefined: the keeper is gone. */
function waitUnfiltered(): LaunchOrder | undefined {
  return tell({ kind: "ready", noNewPrivs: false }) ? readOrder() : undefined;
}

/** Undefined: it cannot be installed; or the keeper is gone, and nobody is left who needs us. */
function waitUnderFilter(native: Native): LaunchOrder | undefined {
  const { libc } = native;
  const inherited = takeInherited(libc);
  const filter = installBindFilter(native);
  if ("errno" in filter) {
    tell({ kind: "unable", ...filter });
    return undefined;
  }
  const { fd: notifyFd, noNewPrivs, waitKillable } = filter;
  const order = tell({ kind: "ready", notifyFd, noNewPrivs, waitKillable }) ? readOrder() : undefined;
  if (order !== undefined) return order;
  libc.close(notifyFd);
  standIn(libc, inherited);
  return undefined;
}

/** False: the keeper is gone. */
function tell(message: FromLauncher, control = CONTROL_FD): boolean {
  try {
    writeSync(control, encodeFrame(message));
    return true;
  } catch {
    return false;
  }
}

/** Blocks; undefined: the keeper is gone. */
function readOrder(): LaunchOrder | undefined {
  let bytes = Buffer.alloc(0);
  const piece = Buffer.allocUnsafe(65_536);
  for (;;) {
    const frame = decodeFrame(bytes);
    if (frame !== undefined) return frame.message as LaunchOrder;
    const count = receive(piece);
    if (count === 0) return undefined;
    bytes = Buffer.concat([bytes, piece.subarray(0, count)]);
  }
}

/** 0: the keeper is gone, whether it had read all that we said (end of file) or not (ECONNRESET). */
function receive(piece: Uint8Array): number {
  try {
    return readSync(CONTROL_FD, piece, 0, piece.length, null);
  } catch {
    return 0;
  }
}

function restore(libc: Libc, order: LaunchOrder): void {
  // libuv sets it on all that a process of Node inherits (uv_disable_stdio_inheritance()).
  for (const fd of [0, 1, 2]) libc.fcntl(fd, F_SETFD, 0);
  for (const signal of IGNORED_BY_NODE) libc.sigaction(signal, new Uint8Array(SIGACTION_BYTES), null);
  libc.sigmask(SIG_SETMASK, new Uint8Array(SIGSET_BYTES), null);
  if (order.softNofile !== undefined) {
    const limit = new Uint8Array(16);
    if (libc.prlimit(0, RLIMIT_NOFILE, null, limit) >= 0) {
      new DataView(limit.buffer).setBigUint64(0, BigInt(order.softNofile), LITTLE_ENDIAN);
      libc.prlimit(0, RLIMIT_NOFILE, limit, null);
    }
  }
  libc.syscall(SYS_setpgid[process.arch] ?? -1, 0, order.processGroup, 0);
}

/** As execvp(3): the next folder of PATH where a program is missing, a refusal remembered, a text without an interpreter given to the shell. */
function becomeProgram(libc: Libc, order: LaunchOrder): readonly [errno: number, path: string] {
  const args = [...order.args.map(bytesOf), null];
  const env = [...order.env.map(bytesOf), null];
  let refusal: readonly [number, string] = [ENOENT, order.paths[0] ?? ""];
  for (const path of order.paths) {
    const errno = -libc.execve(bytesOf(path), args, env);
    if (errno === ENOEXEC) {
      const shell = [bytesOf("/bin/sh"), bytesOf(path), ...args.slice(1)];
      return [-libc.execve(bytesOf("/bin/sh"), shell, env), "/bin/sh"];
    }
    if (errno === EACCES) refusal = [errno, path];
    else if (errno !== ENOENT && errno !== ENOTDIR) return [errno, path];
  }
  return refusal;
}
