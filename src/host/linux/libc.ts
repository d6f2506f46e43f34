/**
 * The FFI binding: the only file that loads koffi, and the only one that calls into the C library.
 *
 * Every function here answers with the call's result, or with the negated errno, read in the same turn as the call: no caller can
 * forget to look. Nothing is loaded before the first call of `loadLibc()`.
 */
import { existsSync } from "node:fs";

/** What comes back: >= 0 is the call's result, < 0 a negated errno. */
type Result = number;

export interface Libc {
  socket(domain: number, type: number, protocol: number): Result;
  bind(fd: number, address: Uint8Array, length: number): Result;
  listen(fd: number, backlog: number): Result;
  connect(fd: number, address: Uint8Array, length: number): Result;
  accept(fd: number, flags: number): Result;
  getsockname(fd: number, address: Uint8Array, length: Uint32Array): Result;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): Result;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint32Array): Result;
  send(fd: number, data: Uint8Array, length: number, flags: number): Result;
  recv(fd: number, data: Uint8Array, length: number, flags: number): Result;
  shutdown(fd: number, how: number): Result;
  close(fd: number): Result;
  ioctl(fd: number, request: number, argument: Uint8Array): Result;
  /** Moves the calling thread (Node's main thread) into the namespace behind the descriptor; setns(2). */
  setns(fd: number, type: number): Result;
  /** unshare(2) of the calling thread. */
  unshare(flags: number): Result;
  /** openat(2) of a path from the root. */
  open(path: string, flags: number): Result;
  readlink(path: string, target: Uint8Array, length: number): Result;
  /** `name` relative to a directory's descriptor, with its end of string: 32 names below one directory cost a quarter less than 32 paths. */
  readlinkat(directory: number, name: Uint8Array, target: Uint8Array, length: number): Result;
  /** A raw system call, which acts on the calling thread alone where the C library's wrapper would act on all. */
  syscall(number: number, a: number, b: number, c: number): Result;
  /** The same for a call with four arguments. */
  syscall4(number: number, a: number, b: number, c: number, d: number): Result;
  /** The processor that the calling thread is on. */
  schedGetcpu(): Result;
  /** `mask` is a cpu_set_t of any size. */
  schedGetaffinity(thread: number, length: number, mask: Uint8Array): Result;
  schedSetaffinity(thread: number, length: number, mask: Uint8Array): Result;
  /** `fds` is an array of struct pollfd. */
  poll(fds: Uint8Array, count: number, timeoutMs: number): Result;
  fcntl(fd: number, command: number, argument: number): Result;
  /** flock(2): the lock is gone when the last descriptor of this open file is. */
  flock(fd: number, operation: number): Result;
  prctl(option: number, a: number, b: number, c: number, d: number): Result;
  /** A raw system call whose third argument is a struct. */
  syscallWith(number: number, a: number, b: number, data: Uint8Array): Result;
  /** prlimit(2): `next` and `before` are struct rlimit64, or null. `pid` 0: this process. */
  prlimit(pid: number, resource: number, next: Uint8Array | null, before: Uint8Array | null): Result;
  /** sigaction(2) of one signal; struct sigaction as the C library has it. */
  sigaction(signal: number, action: Uint8Array, before: null): Result;
  /** The signal mask of the calling thread; `set` is a sigset_t. */
  sigmask(how: number, set: Uint8Array, before: null): Result;
  /** Replaces this program. Texts end with a zero byte, lists with null. Comes back only with a failure. */
  execve(path: Uint8Array, args: readonly (Uint8Array | null)[], env: readonly (Uint8Array | null)[]): Result;
  memfd(name: string, flags: number): Result;
  mmap(at: null, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  epollCreate(flags: number): Result;
  /** `event` is a struct epoll_event. */
  epollCtl(epoll: number, operation: number, fd: number, event: Uint8Array): Result;
  epollWait(epoll: number, events: Uint8Array, count: number, timeoutMs: number): Result;
  eventfd(value: number, flags: number): Result;
  /** `fds`: two ints. */
  socketpair(domain: number, type: number, protocol: number, fds: Uint8Array): Result;
  /** `status`: an int, or null. */
  waitpid(pid: number, status: Uint8Array | null, options: number): Result;
}

/** What is no plain call. */
export interface Native {
  readonly libc: Libc;
  /** Where the bytes are, for a struct that points at them. They must be kept from the collector for as long. */
  addressOf(data: Uint8Array): bigint;
  /** The memory at an address that mmap answered. */
  viewOf(address: bigint, length: number): Uint8Array;
  /** epoll_wait(2) on a thread of libuv's pool. `failed`: look again without waiting, which says why. */
  epollWaitLater(epoll: number, events: Uint8Array, count: number, timeoutMs: number): Promise<number | "failed">;
}

type NativeCall = ((...values: unknown[]) => number) & {
  async(...values: unknown[]): void;
};

interface Koffi {
  load(path: null): { func(name: string, result: string, parameters: string[]): NativeCall };
  errno(): number;
  address(data: Uint8Array): bigint;
  view(address: bigint, length: number): ArrayBuffer;
}

const SIGNATURES: Record<keyof Libc, [name: string, result: string, parameters: string[]]> = {
  socket: ["socket", "int", ["int", "int", "int"]],
  bind: ["bind", "int", ["int", "void *", "uint32_t"]],
  listen: ["listen", "int", ["int", "int"]],
  connect: ["connect", "int", ["int", "void *", "uint32_t"]],
  accept: ["accept4", "int", ["int", "void *", "void *", "int"]],
  getsockname: ["getsockname", "int", ["int", "void *", "void *"]],
  setsockopt: ["setsockopt", "int", ["int", "int", "int", "void *", "uint32_t"]],
  getsockopt: ["getsockopt", "int", ["int", "int", "int", "void *", "void *"]],
  send: ["send", "intptr_t", ["int", "void *", "size_t", "int"]],
  recv: ["recv", "intptr_t", ["int", "void *", "size_t", "int"]],
  shutdown: ["shutdown", "int", ["int", "int"]],
  close: ["close", "int", ["int"]],
  ioctl: ["ioctl", "int", ["int", "unsigned long", "void *"]],
  setns: ["setns", "int", ["int", "int"]],
  unshare: ["unshare", "int", ["int"]],
  open: ["open", "int", ["str", "int"]],
  readlinkat: ["readlinkat", "intptr_t", ["int", "void *", "void *", "size_t"]],
  readlink: ["readlink", "intptr_t", ["str", "void *", "size_t"]],
  syscall: ["syscall", "intptr_t", ["intptr_t", "intptr_t", "intptr_t", "intptr_t"]],
  syscall4: ["syscall", "intptr_t", ["intptr_t", "intptr_t", "intptr_t", "intptr_t", "intptr_t"]],
  schedGetcpu: ["sched_getcpu", "int", []],
  schedGetaffinity: ["sched_getaffinity", "int", ["int", "size_t", "void *"]],
  schedSetaffinity: ["sched_setaffinity", "int", ["int", "size_t", "void *"]],
  poll: ["poll", "int", ["void *", "unsigned long", "int"]],
  fcntl: ["fcntl", "int", ["int", "int", "intptr_t"]],
  flock: ["flock", "int", ["int", "int"]],
  prctl: ["prctl", "int", ["int", "unsigned long", "unsigned long", "unsigned long", "unsigned long"]],
  syscallWith: ["syscall", "intptr_t", ["intptr_t", "intptr_t", "intptr_t", "void *"]],
  prlimit: ["prlimit64", "int", ["int", "int", "void *", "void *"]],
  sigaction: ["sigaction", "int", ["int", "void *", "void *"]],
  sigmask: ["sigprocmask", "int", ["int", "void *", "void *"]],
  execve: ["execve", "int", ["void *", "void **", "void **"]],
  memfd: ["memfd_create", "int", ["str", "uint32_t"]],
  mmap: ["mmap", "void *", ["void *", "size_t", "int", "int", "int", "int64_t"]],
  epollCreate: ["epoll_create1", "int", ["int"]],
  epollCtl: ["epoll_ctl", "int", ["int", "int", "int", "void *"]],
  epollWait: ["epoll_wait", "int", ["int", "void *", "int", "int"]],
  waitpid: ["waitpid", "int", ["int", "void *", "int"]],
  socketpair: ["socketpair", "int", ["int", "int", "int", "void *"]],
  eventfd: ["eventfd", "int", ["uint32_t", "int"]],
};

let loaded: Native | NoLibc | undefined;

export interface NoLibc {
  readonly why: string;
  /** What would help. */
  readonly hint: string;
}

/**
 * The C library, or the reason why it cannot be reached (koffi's binary is an optional package: `npm install --omit=optional` leaves it
 * out, and not every CPU has one).
 */
export function loadLibc(): Native | NoLibc {
  if (loaded !== undefined) return loaded;
  if (process.platform !== "linux")
    return (loaded = { why: `this is ${process.platform}, not Linux`, hint: "run it on Linux" });
  if (process.env["PORTMORTEM_NO_FFI"] === "1")
    return (loaded = { why: "PORTMORTEM_NO_FFI=1 is set", hint: "unset it" });
  try {
    loaded = bindAll(loadKoffi());
  } catch (error) {
    loaded = {
      why: `the native binding koffi could not be loaded (${firstLine(error)})`,
      hint: "install the optional package koffi",
    };
  }
  return loaded;
}

/**
 * The platform package's binary first, straight from the node_modules above: require() reads package.json files on its way, 2 ms, and the
 * wrapper package around the binary costs 4 to 8 ms at start-up. On a musl system the glibc binary fails to load and the next one is tried.
 */
function loadKoffi(): Koffi {
  const platform = `@koromix/koffi-linux-${process.arch}`;
  const binaries = [`${platform}/linux_${process.arch}/koffi.node`, `${platform}/musl_${process.arch}/koffi.node`];
  for (const folder of foldersAbove(import.meta.url)) {
    for (const path of binaries.map((binary) => `${folder}/node_modules/${binary}`)) {
      if (!existsSync(path)) continue;
      try {
        const module = { exports: {} };
        process.dlopen(module, path);
        return module.exports as Koffi;
      } catch {
        // The next one, and at last the wrapper package, whose failure is the one that is told.
      }
    }
  }
  const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);
  try {
    return require(platform) as Koffi;
  } catch {
    return require("koffi") as Koffi;
  }
}

/** From this module's own folder up to the root. It is a URL, or a path in the bundled command. */
function foldersAbove(self: string): string[] {
  const parts = (self.startsWith("file:") ? decodeURIComponent(new URL(self).pathname) : self).split("/");
  return parts.slice(1).map((_, depth) => parts.slice(0, -1 - depth).join("/"));
}

/** Functions are declared when they are first used: a declaration costs about 50 µs, and a command needs a few of them. */
function bindAll(koffi: Koffi): Native {
  const library = koffi.load(null);
  const libc: Partial<Record<keyof Libc, unknown>> = {};
  for (const key of Object.keys(SIGNATURES) as (keyof Libc)[]) {
    Object.defineProperty(libc, key, {
      configurable: true,
      enumerable: true,
      get() {
        const call = checked(koffi, library.func(...SIGNATURES[key]), key);
        Object.defineProperty(libc, key, { value: call });
        return call;
      },
    });
  }
  let waiting: NativeCall | undefined;
  return {
    libc: libc as Libc,
    addressOf: (data) => koffi.address(data),
    viewOf: (address, length) => new Uint8Array(koffi.view(address, length)),
    epollWaitLater: (...values) =>
      new Promise((resolve) => {
        waiting ??= library.func(...SIGNATURES.epollWait);
        waiting.async(...values, (error: unknown, result: number) =>
          resolve(error !== null || result < 0 ? "failed" : result),
        );
      }),
  };
}

function checked(
  koffi: Koffi,
  native: (...values: unknown[]) => number,
  key: keyof Libc,
): (...values: unknown[]) => Result {
  switch (key) {
    case "recv": // The hot one: no spread.
      return (fd, data, length, flags) => {
        const result = native(fd, data, length, flags);
        return result < 0 ? -koffi.errno() : result;
      };
    case "readlink":
      return (path, target, length) => {
        const result = native(path, target, length);
        return result < 0 ? -koffi.errno() : result;
      };
    case "readlinkat":
      return (directory, name, target, length) => {
        const result = native(directory, name, target, length);
        return result < 0 ? -koffi.errno() : result;
      };
    case "accept":
      return (fd, flags) => {
        const result = native(fd, null, null, flags);
        return result < 0 ? -koffi.errno() : result;
      };
    case "mmap": // An address, or MAP_FAILED, (void *)-1.
      return native;
    default:
      return (...values) => {
        const result = native(...values);
        return result < 0 ? -koffi.errno() : result;
      };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}
