/**
 * A call that waits for its answer, as what it is: a bind(2) or a listen(2) of a socket. What is read of the caller is read once, and the
 * kernel is asked afterwards whether the call still waits (NOTIF_ID_VALID): a pid may be another's by then, its memory too.
 *
 * A thread of the caller may change the address meanwhile. So nothing here judges what the kernel will do with it: either we act on what we
 * read, and the kernel does not read it (`replaceWith`), or the kernel acts on what it reads, and what came of it is asked of the socket
 * later (docs/kernel/seccomp-notify.md).
 */
import { closeSync, openSync, readSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";
import { MOST_SOCKADDR_BYTES, MOST_UNIX_BYTES, decodeSockaddr } from "../../wire/sockaddr.ts";
import type { Sockaddr } from "../../wire/sockaddr.ts";
import {
  SECCOMP_IOCTL_NOTIF_ADDFD,
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_SEND,
  encodeContinue,
  encodeId,
  encodeReplaceFd,
  encodeSuccess,
} from "../../wire/seccomp-notify.ts";
import type { WaitingCall } from "../../wire/seccomp-notify.ts";
import type { BindAddress, BindCall, KeptSocket, ListenCall } from "../keeping.ts";
import { carryOptions } from "./carried-options.ts";
import { EINVAL, O_CLOEXEC, SYS_pidfd_getfd, SYS_pidfd_open } from "./constants.ts";
import { forgetPeers } from "./datagram-peers.ts";
import { KeptDescriptor } from "./kept-socket.ts";
import type { Libc, Native } from "./libc.ts";
import { clearStalePath } from "./stale-path.ts";
import { ticksAfterBoot } from "./launcher-process.ts";
import { numbersIn, readLinkByFs, readText } from "./read-file.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
/** O_EXCL: the pidfd is of the thread (Linux 6.9), whose process may have lost its first thread. */
const PIDFD_THREAD = 0o200;
/** The open-file flags that fcntl(F_SETFL) can change and sockets have: O_APPEND, O_NONBLOCK, O_ASYNC. */
const SETTABLE = 0o2000 | 0o4000 | 0o20000;

interface CallerFacts {
  readonly pid: number;
  /** Effective, as is the group. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export class NotifiedCall implements BindCall, ListenCall {
  readonly #native: Native;
  readonly #libc: Libc;
  readonly #notifyFd: number;
  readonly #call: WaitingCall;
  readonly fd: number;
  readonly backlog: number;
  #answered = false;
  #caller: CallerFacts | undefined;
  #heardTicks: number | undefined;
  #sockaddr: { readonly read: Sockaddr | undefined } | undefined;

  constructor(native: Native, notifyFd: number, call: WaitingCall) {
    this.#native = native;
    this.#libc = native.libc;
    this.#notifyFd = notifyFd;
    this.#call = call;
    // The registers are 64 bits wide, the arguments ints.
    this.fd = Number(BigInt.asIntN(32, call.args[0]));
    this.backlog = Number(BigInt.asIntN(32, call.args[1]));
  }

  get pid(): number {
    return this.#callerFacts().pid;
  }

  get uid(): number | undefined {
    return this.#callerFacts().uid;
  }

  get address(): BindAddress | undefined {
    const address = this.#readSockaddr();
    return address === undefined || address.family === "unix" ? undefined : address;
  }

  get unixPath(): string | undefined {
    const path = this.#unixPath();
    return path === undefined ? undefined : Buffer.from(path).toString();
  }

  clearPath(): boolean {
    const path = this.#unixPath();
    const { uid, gid } = this.#callerFacts();
    if (path === undefined || uid === undefined || gid === undefined) return false;
    const socket = this.duplicate();
    if ("errno" in socket) return false;
    const binds = socket.isUnboundUnix();
    socket.close();
    const caller = { tid: this.#call.tid, uid, gid, stillWaits: () => this.#stillWaits() };
    return binds && clearStalePath(this.#native, caller, path);
  }

  get heardTicks(): number {
    return (this.#heardTicks ??= ticksAfterBoot());
  }

  duplicate(): KeptDescriptor | { readonly errno: string } {
    const { tid } = this.#call;
    let pidfd = this.#libc.syscall(SYS_pidfd_open, tid, PIDFD_THREAD, 0);
    if (pidfd === -EINVAL) pidfd = this.#libc.syscall(SYS_pidfd_open, this.pid, 0, 0);
    if (pidfd < 0) return { errno: errnoName(-pidfd) };
    const fd = this.#libc.syscall(SYS_pidfd_getfd, pidfd, this.fd, 0);
    this.#libc.close(pidfd);
    if (fd < 0) return { errno: errnoName(-fd) };
    const socket = new KeptDescriptor(this.#libc, fd);
    if (this.#stillWaits()) return socket;
    socket.close();
    return { errno: "ESRCH" };
  }

  letThrough(): void {
    this.#send(encodeContinue(this.#call.id));
  }

  isWatched(inode: number): boolean {
    const folder = `/proc/${this.#call.tid}`;
    const watched = new RegExp(`^tfd:.* ino:${inode.toString(16)}\\b`, "m");
    return numbersIn(`${folder}/fd`).some(
      (fd) =>
        readLinkByFs(`${folder}/fd/${fd}`) === "anon_inode:[eventpoll]" &&
        watched.test(readText(`${folder}/fdinfo/${fd}`) ?? ""),
    );
  }

  replaceWith(kept: KeptSocket, own: KeptSocket, isShared: boolean): string {
    if (!(kept instanceof KeptDescriptor && own instanceof KeptDescriptor) || kept.fd < 0) return "EBADF";
    const flags = this.#flagsOfFd();
    if (flags === undefined || !this.#stillWaits()) return "ESRCH";
    // Of the open file, which all that hold it share: the program's own would have had them.
    const others = isShared ? this.#libc.fcntl(kept.fd, F_GETFL, 0) & O_NONBLOCK : 0;
    const status = this.#libc.fcntl(kept.fd, F_SETFL, (flags & SETTABLE) | others);
    if (status < 0) return errnoName(-status);
    forgetPeers(this.#libc, kept.fd, this.#call.tid);
    carryOptions(this.#libc, own.fd, kept.fd);
    const request = encodeReplaceFd(this.#call.id, kept.fd, this.fd, flags & O_CLOEXEC);
    const added = this.#libc.ioctl(this.#notifyFd, SECCOMP_IOCTL_NOTIF_ADDFD, request);
    if (added < 0) return errnoName(-added);
    this.#send(encodeSuccess(this.#call.id));
    return "ok";
  }

  /** After the handlers: a call that was forgotten would wait for ever. */
  end(): void {
    if (!this.#answered) this.letThrough();
  }

  #send(response: Uint8Array): void {
    if (this.#answered) return;
    this.#answered = true;
    // ENOENT: the caller was killed, or a signal took it out of the call. Nobody waits then.
    this.#libc.ioctl(this.#notifyFd, SECCOMP_IOCTL_NOTIF_SEND, response);
  }

  #stillWaits(): boolean {
    return this.#libc.ioctl(this.#notifyFd, SECCOMP_IOCTL_NOTIF_ID_VALID, encodeId(this.#call.id)) === 0;
  }

  #callerFacts(): CallerFacts {
    if (this.#caller !== undefined) return this.#caller;
    const status = readText(`/proc/${this.#call.tid}/status`) ?? "";
    const pid = /^Tgid:\t(\d+)/m.exec(status)?.[1];
    const ids = /^Uid:\t\d+\t(\d+).*\nGid:\t\d+\t(\d+)/m.exec(status);
    const known = ids !== null && this.#stillWaits();
    return (this.#caller = {
      pid: pid === undefined ? this.#call.tid : Number(pid),
      uid: known ? Number(ids[1]) : undefined,
      gid: known ? Number(ids[2]) : undefined,
    });
  }

  /** Undefined: the name is abstract or none, or longer than the kernel takes it. */
  #unixPath(): Uint8Array | undefined {
    const address = this.#readSockaddr();
    const path = address?.family === "unix" ? address.path : undefined;
    return path === undefined || path.length === 0 || this.#addressBytes() > MOST_UNIX_BYTES ? undefined : path;
  }

  #addressBytes(): number {
    return Number(BigInt.asIntN(32, this.#call.args[2]));
  }

  /** Read once: a thread of the caller may change it meanwhile. */
  #readSockaddr(): Sockaddr | undefined {
    if (this.#sockaddr !== undefined) return this.#sockaddr.read;
    const { tid, args } = this.#call;
    const length = this.#addressBytes();
    const readable = tid !== 0 && length > 0 && length <= MOST_SOCKADDR_BYTES;
    const bytes = readable ? readMemory(tid, args[1], length) : undefined;
    const read = bytes === undefined || !this.#stillWaits() ? undefined : decodeSockaddr(bytes);
    this.#sockaddr = { read };
    return read;
  }

  /** Of the descriptor (O_CLOEXEC) and of the open file behind it. */
  #flagsOfFd(): number | undefined {
    const info = readText(`/proc/${this.#call.tid}/fdinfo/${this.fd}`);
    const flags = info === undefined ? undefined : /^flags:\t([0-7]+)/m.exec(info)?.[1];
    return flags === undefined ? undefined : Number.parseInt(flags, 8);
  }
}

/** Undefined: nothing is there, or the process may not be looked into. */
function readMemory(tid: number, at: bigint, length: number): Uint8Array | undefined {
  try {
    const memory = openSync(`/proc/${tid}/mem`, "r");
    try {
      const bytes = new Uint8Array(length);
      return readSync(memory, bytes, 0, length, at) === length ? bytes : undefined;
    } finally {
      closeSync(memory);
    }
  } catch {
    return undefined;
  }
}
