/** Keeping on the running kernel: launchers, the loop that hears their calls, and what all of them share. */
import { fstatSync, ftruncateSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";
import { SECCOMP_ARCHS } from "../../wire/seccomp-filter.ts";
import { SECCOMP_IOCTL_NOTIF_RECV, decodeWaitingCall, seccompNotif } from "../../wire/seccomp-notify.ts";
import type {
  CallHandler,
  CannotKeep,
  HostKeeping,
  ListenerEndpoint,
  ListenerOptions,
  PassedSocket,
  PreparedProgram,
  ProgramOptions,
  StartedProgram,
} from "../keeping.ts";
import { bindListener } from "./bound-listener.ts";
import { SYS_pidfd_getfd, SYS_pidfd_open } from "./constants.ts";
import { OrphanReaper, adoptOrphans, descendants, keptOrphans, isStartedSince } from "./descendants.ts";
import { followOrphan } from "./followed-orphan.ts";
import { candidatesOf, environmentOf, softNofileBefore } from "./launcher-environment.ts";
import { CONTROL_FD, latin1Of } from "./launcher-messages.ts";
import { LauncherProcess } from "./launcher-process.ts";
import type { Native } from "./libc.ts";
import { NotifiedCall } from "./notify-call.ts";
import { EPOLLHUP, EPOLLIN, NotifyLoop } from "./notify-loop.ts";
import { passedVariables } from "./passed-descriptors.ts";
import { programMentions } from "./program-mentions.ts";
import { numbersIn, readLinkByFs } from "./read-file.ts";
import { SeenFamily } from "./seen-family.ts";

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const PAGE_BYTES = 4096;
const SYS_getpgid: Readonly<Record<string, number>> = { x64: 121, arm64: 155 };
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const EACCES = 13;
const EPERM = 1;
const FAMILY_MS = 250;
const ORPHANS_MS = 250;

export class LinuxKeeping implements HostKeeping {
  readonly #native: Native;
  readonly #loop: NotifyLoop;
  /** Where the kernel writes a call. */
  readonly #received: Uint8Array;
  /** The memory into which calls are received, which launchers share: a call of whose answering we die can be answered by one of them. */
  readonly #lastCallFd: number;
  /** Notification descriptors of lives that are not over. */
  readonly #lives = new Set<number>();
  /** Launchers that wait, and programs: not what is left of a life. */
  readonly #launchers = new Set<number>();
  /** Of these, those that wait. */
  readonly #waiting = new Set<number>();
  readonly #softNofile = softNofileBefore();
  readonly #orphans: OrphanReaper;
  readonly #orphanTimer: NodeJS.Timeout;
  /** Programs under no filter. */
  readonly #unheard = new Set<number>();
  readonly #family = new SeenFamily();
  #below: { readonly atMs: number; readonly pids: readonly number[] } | undefined;
  #closed = false;

  constructor(native: Native) {
    this.#native = native;
    this.#lastCallFd = native.libc.memfd("portmortem-last-call", MFD_CLOEXEC);
    ftruncateSync(this.#lastCallFd, PAGE_BYTES);
    const at = native.libc.mmap(null, PAGE_BYTES, PROT_READ_WRITE, MAP_SHARED, this.#lastCallFd, 0);
    this.#received = native.viewOf(at, PAGE_BYTES).subarray(0, seccompNotif.sizeBytes);
    this.#loop = new NotifyLoop(native);
    adoptOrphans(native.libc);
    this.#orphans = new OrphanReaper(native.libc);
    this.#orphanTimer = setInterval(() => {
      this.#orphans.look(this.#launchers);
      this.#family.look(this.#unheard);
    }, ORPHANS_MS).unref();
  }

  async prepare(program: ProgramOptions): Promise<PreparedProgram | CannotKeep> {
    const { calls, passed = [] } = program;
    const filtered = calls !== undefined;
    const ours = filtered ? [this.#lastCallFd, ...this.#lives] : [];
    const launcher = await LauncherProcess.start({
      native: this.#native,
      loop: this.#loop,
      program,
      filtered,
      fds: [...ours, ...passed.map(({ fd }) => fd)],
    });
    if ("errno" in launcher) return launcher;
    this.#remember(launcher);
    const ready = await launcher.ready();
    if ("errno" in ready) return ready;
    const failure = calls === undefined ? undefined : this.#hear(launcher.pid, ready.notifyFd ?? -1, calls);
    if (failure !== undefined) {
      launcher.discard();
      return failure;
    }
    const env = { ...(program.env ?? process.env), ...passedVariables(passed, launcher.pid) };
    return {
      pid: launcher.pid,
      noNewPrivs: ready.noNewPrivs,
      ended: launcher.ended,
      start: () => {
        for (const { fd } of passed) this.#block(fd);
        this.#waiting.delete(launcher.pid);
        if (!filtered) this.#unheard.add(launcher.pid);
        return launcher.go({
          paths: candidatesOf(program.command, env["PATH"]).map(latin1Of),
          args: [program.argv0 ?? program.command, ...program.args].map(latin1Of),
          env: environmentOf(env),
          processGroup: this.#native.libc.syscall(SYS_getpgid[process.arch] ?? -1, 0, 0, 0),
          ...(this.#softNofile === undefined ? {} : { softNofile: this.#softNofile }),
          passed: passed.map((_, index) => CONTROL_FD + 1 + ours.length + index),
        });
      },
      discard: () => launcher.discard(),
    };
  }

  bindListener(endpoint: ListenerEndpoint, options: ListenerOptions): PassedSocket | CannotKeep {
    return bindListener(this.#native.libc, endpoint, options);
  }

  mentions(program: ProgramOptions, words: readonly string[]): boolean {
    return programMentions(program, words);
  }

  holds(pid: number, fd: number, inode: number): boolean | undefined {
    const link = readLinkByFs(`/proc/${pid}/fd/${fd}`);
    if (typeof link === "string") return link === `socket:[${inode}]`;
    return link === EACCES || link === EPERM ? undefined : false;
  }

  findHolder(inode: number, sinceTicks = 0): { readonly pid: number; readonly fd: number } | undefined {
    return this.#holderAmong(this.#descendants(), inode, sinceTicks);
  }

  signalRemains(name: NodeJS.Signals | undefined, current: StartedProgram | undefined): number {
    const notThese = new Set([...this.#launchers, ...(current === undefined ? [] : [current.pid])]);
    this.#family.look(this.#unheard);
    const startedBefore = current?.startedTicks ?? Infinity;
    const unheard = this.#family.orphans(startedBefore).filter((pid) => !notThese.has(pid));
    const remains = new Set([...keptOrphans(notThese, startedBefore), ...unheard]);
    for (const pid of name === undefined ? [] : remains) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended.
      }
    }
    return remains.size;
  }

  follow(pid: number): StartedProgram | undefined {
    const followed = followOrphan(this.#native.libc, this.#loop, pid);
    if (followed === undefined) return undefined;
    this.#launchers.add(pid);
    void followed.ended.then(() => this.#launchers.delete(pid));
    return followed;
  }

  /** A program that binds and closes in a loop must not have all processes looked at each time. */
  #descendants(): readonly number[] {
    const now = performance.now();
    if (this.#below === undefined || now - this.#below.atMs > FAMILY_MS)
      this.#below = { atMs: now, pids: descendants() };
    return this.#below.pids;
  }

  /** A launcher that waits has what its program is to get; that is not counted. */
  #holderAmong(
    pids: readonly number[],
    inode: number,
    sinceTicks = 0,
  ): { readonly pid: number; readonly fd: number } | undefined {
    const wanted = `socket:[${inode}]`;
    for (const pid of pids) {
      if (this.#waiting.has(pid) || !isStartedSince(pid, sinceTicks)) continue;
      for (const fd of numbersIn(`/proc/${pid}/fd`))
        if (readLinkByFs(`/proc/${pid}/fd/${fd}`) === wanted) return { pid, fd };
    }
    return undefined;
  }

  /**
   * O_NONBLOCK is of the open file, which an earlier life may have set: a program that does not expect it would get EAGAIN. It stays while
   * another process has the file: its accept(2) would block.
   */
  #block(fd: number): void {
    const { libc } = this.#native;
    const flags = libc.fcntl(fd, F_GETFL, 0);
    if (flags < 0 || (flags & O_NONBLOCK) === 0) return;
    if (this.#holderAmong(descendants(), fstatSync(fd).ino) === undefined) libc.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }

  #remember({ pid, ended }: LauncherProcess): void {
    this.#launchers.add(pid);
    this.#waiting.add(pid);
    void ended.then(() => [this.#launchers, this.#waiting, this.#unheard].map((pids) => pids.delete(pid)));
  }

  /** From now on the calls of the process, and of what will come of it, are told. */
  #hear(pid: number, theirNotifyFd: number, calls: CallHandler): CannotKeep | undefined {
    const notifyFd = this.#take(pid, theirNotifyFd);
    if (notifyFd < 0) return { step: "pidfd_getfd(2)", errno: errnoName(-notifyFd) };
    this.#lives.add(notifyFd);
    this.#loop.add(notifyFd, (ready) => {
      if ((ready & EPOLLIN) !== 0) return this.#receive(notifyFd, calls);
      if ((ready & EPOLLHUP) === 0) return undefined;
      this.#forget(notifyFd);
      return calls.onLastGone();
    });
    return undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#orphanTimer);
    for (const fd of this.#lives) this.#forget(fd);
    this.#loop.close();
    this.#native.libc.close(this.#lastCallFd);
  }

  #forget(notifyFd: number): void {
    this.#lives.delete(notifyFd);
    this.#loop.remove(notifyFd);
    this.#native.libc.close(notifyFd);
  }

  /**
   * NOTIF_RECV blocks when there is nothing, whatever O_NONBLOCK says (seccomp_notify_recv() in kernel/seccomp.c), so it is called only when
   * a call waits; nobody else receives, so one does, or ENOENT says that its caller was killed meanwhile.
   */
  #receive(notifyFd: number, handler: CallHandler): void {
    const { libc } = this.#native;
    this.#received.fill(0);
    if (libc.ioctl(notifyFd, SECCOMP_IOCTL_NOTIF_RECV, this.#received) < 0) return;
    const waiting = decodeWaitingCall(this.#received);
    if (waiting === undefined) return;
    const call = new NotifiedCall(this.#native, notifyFd, waiting);
    try {
      if (waiting.nr === SECCOMP_ARCHS[process.arch]?.bind) handler.onBind(call);
      else handler.onListen(call);
    } finally {
      call.end();
    }
  }

  #take(pid: number, fd: number): number {
    const { libc } = this.#native;
    const pidfd = libc.syscall(SYS_pidfd_open, pid, 0, 0);
    if (pidfd < 0) return pidfd;
    const taken = libc.syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    libc.close(pidfd);
    return taken;
  }
}
