/**
 * The path of a Unix socket stays when its socket is gone, and the next bind(2) to it fails with EADDRINUSE. It is unlinked for a program that
 * is about to bind it, with the program's own rights, if a socket to which nobody is bound lies there (docs/kernel/unix-paths.md).
 *
 * Every look is at the file itself, through descriptors: the folder is opened first, then what lies in it, no link followed. Only unlink(2)
 * takes a name; that it still names that file is looked at right before.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, statSync, unlinkSync } from "node:fs";
import type { Stats } from "node:fs";
import { encodeUnixSockaddr } from "../../wire/sockaddr.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { AF_UNIX, ECONNREFUSED, O_CLOEXEC, O_PATH, SOCK_CLOEXEC, SOCK_DGRAM } from "./constants.ts";
import type { Libc, Native } from "./libc.ts";

const SYS_openat2 = 437;
/** struct open_how of openat2(2): flags, mode, resolve, each of 64 bits. */
const OPEN_HOW_BYTES = 24;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_IN_ROOT = 0x10;
const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** setfsuid(2) and setfsgid(2) by architecture. They are of the calling thread. */
const SYS_setfsuid: Readonly<Record<string, number>> = { x64: 122, arm64: 151 };
const SYS_setfsgid: Readonly<Record<string, number>> = { x64: 123, arm64: 152 };
const NOBODY_AT_ALL = -1;
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const SLASH = 0x2f;

export interface PathOwner {
  readonly tid: number;
  readonly uid: number;
  readonly gid: number;
  /** The process is still the one that called. */
  stillWaits(): boolean;
}

/** True: it was unlinked. `path` as the process wrote it, in the bytes of the file system. */
export function clearStalePath(native: Native, caller: PathOwner, path: Uint8Array): boolean {
  const cut = path.lastIndexOf(SLASH);
  const name = Buffer.from(path.subarray(cut + 1));
  if (name.length === 0 || name.equals(Buffer.from(".")) || name.equals(Buffer.from(".."))) return false;
  const folder = cut < 0 ? Buffer.from(".") : Buffer.from(path.subarray(0, cut + 1));
  try {
    const start = openSync(`/proc/${caller.tid}/${path[0] === SLASH ? "root" : "cwd"}`, O_PATH | O_DIRECTORY);
    try {
      const resolve = path[0] === SLASH ? RESOLVE_IN_ROOT : seesAsWeDo(caller.tid) ? 0 : RESOLVE_NO_SYMLINKS;
      return (
        caller.stillWaits() &&
        asUser(native.libc, caller, () => {
          const opened = openFolder(native, start, folder, resolve | RESOLVE_NO_MAGICLINKS);
          return opened >= 0 && closing(opened, () => unlinkStale(native.libc, opened, name, caller.uid));
        })
      );
    } finally {
      closeSync(start);
    }
  } catch {
    // The caller is gone, may not be looked into, or has no right: the kernel says what there is to say.
    return false;
  }
}

function unlinkStale(libc: Libc, folder: number, name: Buffer, uid: number): boolean {
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), name]);
  const file = openSync(path, O_PATH | O_NOFOLLOW);
  return closing(file, () => {
    const found = fstatSync(file);
    if (!found.isSocket() || (uid !== 0 && found.uid !== uid) || !isDeserted(libc, file)) return false;
    if (!isSameFile(found, lstatSync(path))) return false;
    unlinkSync(path);
    return true;
  });
}

/**
 * connect(2) of a datagram socket disturbs nobody: a listener of another type answers EPROTOTYPE, and another datagram socket takes no notice
 * (unix_find_bsd() in net/unix/af_unix.c). Only where no socket has the file it is ECONNREFUSED.
 */
function isDeserted(libc: Libc, file: number): boolean {
  const address = encodeUnixSockaddr(Buffer.from(`/proc/self/fd/${file}`));
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0 || address === undefined) return false;
  const answer = libc.connect(socket, address, address.length);
  libc.close(socket);
  return answer === -ECONNREFUSED;
}

/** The folder as a descriptor, or a negated errno. */
function openFolder(native: Native, start: number, folder: Buffer, resolve: number): number {
  const path = Buffer.concat([folder, Buffer.from([0])]);
  const how = new Uint8Array(OPEN_HOW_BYTES);
  const view = new DataView(how.buffer);
  view.setBigUint64(0, BigInt(O_PATH | O_DIRECTORY | O_CLOEXEC), LITTLE_ENDIAN);
  view.setBigUint64(16, BigInt(resolve), LITTLE_ENDIAN);
  const [pathAt, howAt] = [Number(native.addressOf(path)), Number(native.addressOf(how))];
  return native.libc.syscall4(SYS_openat2, start, pathAt, howAt, how.length);
}

/** The same root and the same mounts: a link means the same to both. */
function seesAsWeDo(tid: number): boolean {
  const mounts = (of: string): string => readlinkSync(`/proc/${of}/ns/mnt`);
  return isSameFile(statSync(`/proc/${tid}/root`), statSync("/")) && mounts(`${tid}`) === mounts("self");
}

function isSameFile(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** Files are reached with the rights of this user, without root's. Nothing else runs on this thread meanwhile. False: it cannot be done. */
function asUser(libc: Libc, { uid, gid }: PathOwner, work: () => boolean): boolean {
  const set = (numbers: Readonly<Record<string, number>>, id: number): number =>
    libc.syscall(numbers[process.arch] ?? -1, id, 0, 0);
  // They answer with who it was, also where they change nothing.
  const uidBefore = set(SYS_setfsuid, NOBODY_AT_ALL);
  const gidBefore = set(SYS_setfsgid, NOBODY_AT_ALL);
  if (uidBefore === uid && gidBefore === gid) return work();
  // A change takes it away, with our core dumps (commit_creds() in kernel/cred.c).
  const dumpable = libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  try {
    // The group first: with another user's rights it could not be changed any more.
    set(SYS_setfsgid, gid);
    set(SYS_setfsuid, uid);
    if (set(SYS_setfsuid, NOBODY_AT_ALL) !== uid || set(SYS_setfsgid, NOBODY_AT_ALL) !== gid) return false;
    return work();
  } finally {
    set(SYS_setfsuid, uidBefore);
    set(SYS_setfsgid, gidBefore);
    libc.prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
  }
}

function closing<T>(fd: number, work: () => T): T {
  try {
    return work();
  } finally {
    closeSync(fd);
  }
}
