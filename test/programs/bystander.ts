/**
 * A process that nobody has a reason to harm. It takes sockets over from the test (pidfd_getfd), says whether they still work, and counts
 * the signals it gets. Lines of JSON in, one line of JSON out for each. `uid` as an argument: it lives as that user.
 */
import { createInterface } from "node:readline";
import { errnoName } from "../../src/base/errno.ts";
import {
  SOCK_CLOEXEC,
  SOL_SOCKET,
  SYS_pidfd_getfd,
  SYS_pidfd_open,
  SYS_setresuid,
} from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";

export interface BystanderCalls {
  /** Descriptors of the parent; answers one's own, in the same order. */
  take(call: { fds: readonly number[] }): number[];
  write(call: { fds: readonly number[]; text: string }): string[];
  /** So many bytes of each, or what is there after a while. */
  read(call: { fds: readonly number[]; length: number }): string[];
  /** Accepts one connection of each listener and ends it. */
  accept(call: { fds: readonly number[] }): string[];
  /** From now on these are closed as soon as they have failed, as a well-behaved program does it. */
  tidy(call: { fds: readonly number[] }): number;
  /** Takes the connection back and makes a server of the same socket. */
  listenInstead(call: { fds: readonly number[] }): string[];
  /** Closes them without a word to the other side. */
  abandon(call: { fds: readonly number[] }): number;
  /** How many signals came. */
  signals(call: object): number;
}

const SO_LINGER = 13;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLIN = 1;
const PATIENCE_MS = 2000;
const TIDY_MS = 4;

const loaded = loadLibc();
if ("why" in loaded) throw new Error(loaded.why);
const { libc } = loaded;

let signals = 0;
for (const name of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGCONT", "SIGUSR2", "SIGPIPE"] as const)
  process.on(name, () => signals++);

const uid = Number(process.argv[2] ?? 0);
const parent = checked(libc.syscall(SYS_pidfd_open, process.ppid, 0, 0));
become(uid);

/** The saved one stays root's: to take a descriptor, this has to be root for a moment. */
function become(effective: number): void {
  const number = SYS_setresuid[process.arch];
  if (uid !== 0 && number !== undefined) checked(libc.syscall(number, uid, effective, 0));
}

function checked(result: number): number {
  if (result < 0) throw new Error(errnoName(-result));
  return result;
}

function answerOf(result: number): string {
  return result < 0 ? errnoName(-result) : "ok";
}

function isReady(fd: number, events: number, waitMs: number): boolean {
  const request = new Uint8Array(8);
  const view = new DataView(request.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  return libc.poll(request, 1, waitMs) > 0;
}

function read(fd: number, length: number): string {
  const bytes = Buffer.alloc(length);
  let text = "";
  while (text.length < length && isReady(fd, POLLIN, PATIENCE_MS)) {
    const got = libc.recv(fd, bytes, length - text.length, MSG_DONTWAIT);
    if (got <= 0) return `${text}(${got === 0 ? "end" : errnoName(-got)})`;
    text += bytes.toString("latin1", 0, got);
  }
  return text;
}

function abandon(fd: number): void {
  const linger = new Uint8Array(new Int32Array([1, 0]).buffer);
  libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, linger.length);
  libc.close(fd);
}

const tidied = new Set<number>();
/** Not to be closed a second time: the number can be another socket's. */
const closed = new Set<number>();
setInterval(() => {
  for (const fd of tidied) {
    // Nothing is asked for: only a failure is told.
    if (!isReady(fd, 0, 0)) continue;
    tidied.delete(fd);
    closed.add(fd);
    libc.close(fd);
  }
}, TIDY_MS);

const calls: BystanderCalls = {
  take({ fds }) {
    become(0);
    try {
      return fds.map((fd) => checked(libc.syscall(SYS_pidfd_getfd, parent, fd, 0)));
    } finally {
      become(uid);
    }
  },
  write: ({ fds, text }) =>
    fds.map((fd) => answerOf(libc.send(fd, Buffer.from(text), text.length, MSG_NOSIGNAL | MSG_DONTWAIT))),
  read: ({ fds, length }) => fds.map((fd) => read(fd, length)),
  accept: ({ fds }) =>
    fds.map((fd) => {
      if (!isReady(fd, POLLIN, PATIENCE_MS)) return "nobody came";
      const accepted = libc.accept(fd, SOCK_CLOEXEC);
      if (accepted >= 0) abandon(accepted);
      return answerOf(accepted);
    }),
  tidy({ fds }) {
    for (const fd of fds) tidied.add(fd);
    return fds.length;
  },
  listenInstead: ({ fds }) =>
    fds.map((fd) => {
      libc.connect(fd, new Uint8Array(16), 16);
      return answerOf(libc.listen(fd, 16));
    }),
  abandon({ fds }) {
    for (const fd of fds) {
      tidied.delete(fd);
      if (!closed.delete(fd)) abandon(fd);
    }
    return fds.length;
  },
  signals: () => signals,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, ...rest } = JSON.parse(line) as { call: keyof BystanderCalls };
  process.stdout.write(`${JSON.stringify((calls[call] as (rest: unknown) => unknown)(rest))}\n`);
}
process.exit();
