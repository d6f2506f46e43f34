/**
 * A process held by a pidfd, which never becomes another process. The pid is compared with its start time while the pidfd says that the
 * process is still there: only then is it certain that what /proc told is of the process that is held.
 */
import { constants } from "node:os";
import { errnoName } from "../../base/errno.ts";
import { formatCookie } from "../../tcp/socket-row.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import type { SignalName } from "../../tcp/signals.ts";
import type { DuplicatedSocket, ProcessHandle, ProcessIdentity } from "../actions.ts";
import {
  AF_UNSPEC,
  POLLIN,
  SHUT_RDWR,
  SOL_SOCKET,
  SO_REUSEADDR,
  SYS_pidfd_getfd,
  SYS_pidfd_open,
  SYS_pidfd_send_signal,
} from "./constants.ts";
import { readCookie } from "./held-socket.ts";
import type { Libc } from "./libc.ts";

/** `startTicks` reads the start time of whoever has the pid now. */
export function openProcess(
  libc: Libc,
  { pid, startTicks: expected }: ProcessIdentity,
  startTicks: (pid: number) => number | undefined,
): ProcessHandle | { readonly errno: string } {
  const fd = libc.syscall(SYS_pidfd_open, pid, 0, 0);
  if (fd < 0) return { errno: errnoName(-fd) };
  const handle = new Pidfd(libc, pid, fd);
  if (startTicks(pid) === expected && !handle.hasEnded()) return handle;
  handle.close();
  return { errno: "ESRCH" };
}

class Pidfd implements ProcessHandle {
  readonly #libc: Libc;
  readonly pid: number;
  #fd: number;

  constructor(libc: Libc, pid: number, fd: number) {
    this.#libc = libc;
    this.pid = pid;
    this.#fd = fd;
  }

  signal(name: SignalName): string {
    return this.#send(constants.signals[name]);
  }

  /** Signal 0 is checked like any other and not delivered (kill(2)). */
  maySignal(): string {
    return this.#send(0);
  }

  #send(signal: number): string {
    return answerOf(this.#libc.syscall4(SYS_pidfd_send_signal, this.#fd, signal, 0, 0));
  }

  /** A pidfd is readable once the process is a zombie or gone; exit_files() comes before that (kernel/exit.c). */
  hasEnded(): boolean {
    // struct pollfd: fd, events, revents.
    const poll = new Uint8Array(8);
    const view = new DataView(poll.buffer);
    view.setInt32(0, this.#fd, LITTLE_ENDIAN);
    view.setInt16(4, POLLIN, LITTLE_ENDIAN);
    return this.#libc.poll(poll, 1, 0) > 0;
  }

  duplicateSocket(fd: number, cookie: string): DuplicatedSocket | { readonly errno: string } {
    const copy = this.#libc.syscall(SYS_pidfd_getfd, this.#fd, fd, 0);
    if (copy < 0) return { errno: errnoName(-copy) };
    const duplicate = new Duplicate(this.#libc, copy);
    // The number may have been given to another socket since it was read.
    if (sameCookie(readCookie(this.#libc, copy), cookie)) return duplicate;
    duplicate.close();
    return { errno: "ESTALE" };
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#libc.close(this.#fd);
    this.#fd = -1;
  }
}

function sameCookie(found: string | undefined, wanted: string): boolean {
  if (found === undefined || !/^0x[0-9a-f]{1,16}$/.test(wanted)) return false;
  const value = BigInt(wanted);
  return found === formatCookie(Number(value >> 32n), Number(value & 0xffffffffn));
}

class Duplicate implements DuplicatedSocket {
  readonly #libc: Libc;
  #fd: number;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  shutdown(): string {
    return answerOf(this.#libc.shutdown(this.#fd, SHUT_RDWR));
  }

  reset(): string {
    const unspecified = new Uint8Array(16);
    new DataView(unspecified.buffer).setUint16(0, AF_UNSPEC, LITTLE_ENDIAN);
    return answerOf(this.#libc.connect(this.#fd, unspecified, unspecified.length));
  }

  allowReuse(): string {
    const on = new Uint8Array(4);
    new DataView(on.buffer).setInt32(0, 1, LITTLE_ENDIAN);
    return answerOf(this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_REUSEADDR, on, on.length));
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#libc.close(this.#fd);
    this.#fd = -1;
  }
}

function answerOf(result: number): string {
  return result < 0 ? errnoName(-result) : "ok";
}
