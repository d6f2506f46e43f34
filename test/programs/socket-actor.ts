/**
 * A process that makes exactly the socket calls it is told to, one JSON line in and one out: {"id":1,"call":"bind","fd":20,"to":"127.0.0.1:80"}
 * is answered with {"id":1,"value":0} or {"id":1,"errno":"EADDRINUSE"}. Unlike node:net it sets no option that it was not told to set.
 */
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { createInterface } from "node:readline";
import { errnoName } from "../../src/base/errno.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IP_BIND_ADDRESS_NO_PORT,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_BINDTODEVICE,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
} from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import type { Native } from "../../src/host/linux/libc.ts";
import { encodeSockaddr, encodeUnixSockaddr } from "../../src/wire/sockaddr.ts";

/** What can be asked of an actor. Undefined options are not set at all. */
export interface ActorCalls {
  socket(call: {
    family: "ipv4" | "ipv6" | "unix";
    type?: "stream" | "dgram";
    nonBlocking?: boolean;
    reuseAddr?: boolean;
    reusePort?: boolean;
    v6only?: boolean;
    device?: string;
    linger?: number;
    keepAlive?: boolean;
    mark?: number;
    receiveBufferBytes?: number;
    /** A listener's handshakes are complete only once data has come (TCP_DEFER_ACCEPT): so many seconds it waits for it. */
    deferAcceptSeconds?: number;
  }): number;
  /** `to` with a slash in it is a path, after an "@" an abstract name. */
  bind(call: { fd: number; to: string }): number;
  chroot(call: { to: string }): number;
  listen(call: { fd: number; backlog: number }): number;
  connect(call: { fd: number; to: string }): number;
  accept(call: { fd: number }): number;
  write(call: { fd: number; text: string }): number;
  /** Writes until the kernel takes no more; answers how many bytes it took. */
  fill(call: { fd: number }): number;
  read(call: { fd: number }): string;
  shutdown(call: { fd: number }): number;
  /** connect() to AF_UNSPEC. */
  disconnect(call: { fd: number }): number;
  close(call: { fd: number }): number;
  /** The local port. */
  port(call: { fd: number }): number;
  /** So many sockets in TIME-WAIT, on as many ports from this one on: each connects to itself, and its one close() is a simultaneous one. */
  timeWaits(call: { address: string; port: number; count: number }): number;
  /** So many connections from ports of the kernel's choice to an own listener, each closed here first: they are left in TIME-WAIT here. */
  closedFirst(call: { to: string; listener: number; count: number }): number;
  /** Connects to an own listener until no local port is left, then resets all; answers how many there were, and what the last one got. */
  connectAll(call: { to: string; listener: number; from?: string }): { made: number; errno: string };
  /** `words`: ints. */
  setOption(call: { fd: number; level: number; name: number; words: readonly number[] }): number;
  /** In hexadecimal digits. */
  getOption(call: { fd: number; level: number; name: number; bytes: number }): string;
  setuid(call: { uid: number }): number;
  /** Looks at a file; does not return as long as its file system does not answer. */
  stat(call: { path: string }): number;
  /** Starts `sleep` with this descriptor inherited; answers its pid. */
  bequeath(call: { fd: number }): number;
}

/** chroot(2) by architecture. */
const SYS_chroot: Readonly<Record<string, number>> = { x64: 161, arm64: 51 };
const IPPROTO_TCP = 6;
const TCP_DEFER_ACCEPT = 9;
const SO_SNDTIMEO = 21;
const SO_LINGER = 13;
const SO_KEEPALIVE = 9;
const SO_MARK = 36;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
/** Longer than this no call may take: a test that waits for what never comes is to fail, not to hang. */
const TIMEOUT_SECONDS = 5;

class CallFailed extends Error {}

function checked(result: number): number {
  if (result < 0) throw new CallFailed(errnoName(-result));
  return result;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

function sockaddrOf(text: string): Uint8Array {
  if (/[/@]/.test(text)) {
    const name = encodeUnixSockaddr(Buffer.from(text.replace(/^@/, "\0")));
    if (name === undefined) throw new CallFailed(`${text} is too long`);
    return name;
  }
  // Port 0, for one that the kernel chooses, is no endpoint to the program's own parser.
  const colon = text.lastIndexOf(":");
  const bytes = encodeSockaddr(text.slice(0, colon).replace(/^\[|\]$/g, ""), Number(text.slice(colon + 1)));
  if (bytes === undefined) throw new CallFailed(`${text} is no numeric address`);
  return bytes;
}

function domainOf(endpoint: string): number {
  if (/[/@]/.test(endpoint)) return AF_UNIX;
  return endpoint.startsWith("[") ? AF_INET6 : AF_INET;
}

const loaded = loadLibc();
if ("why" in loaded) throw new Error(loaded.why);
const native: Native = loaded;
const { libc } = native;

function set(fd: number, level: number, name: number, value: Uint8Array): void {
  checked(libc.setsockopt(fd, level, name, value, value.length));
}

const calls: ActorCalls = {
  socket(call) {
    const type = call.type === "dgram" ? SOCK_DGRAM : SOCK_STREAM;
    const flags = SOCK_CLOEXEC | (call.nonBlocking === true ? SOCK_NONBLOCK : 0);
    const fd = checked(libc.socket({ ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX }[call.family], type | flags, 0));
    const timeout = new Uint8Array(new BigInt64Array([BigInt(TIMEOUT_SECONDS), 0n]).buffer);
    set(fd, SOL_SOCKET, SO_RCVTIMEO, timeout);
    set(fd, SOL_SOCKET, SO_SNDTIMEO, timeout);
    if (call.v6only !== undefined) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, words(Number(call.v6only)));
    if (call.reuseAddr !== undefined) set(fd, SOL_SOCKET, SO_REUSEADDR, words(Number(call.reuseAddr)));
    if (call.reusePort !== undefined) set(fd, SOL_SOCKET, SO_REUSEPORT, words(Number(call.reusePort)));
    if (call.device !== undefined) set(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${call.device}\0`));
    if (call.linger !== undefined) set(fd, SOL_SOCKET, SO_LINGER, words(1, call.linger));
    if (call.keepAlive !== undefined) set(fd, SOL_SOCKET, SO_KEEPALIVE, words(Number(call.keepAlive)));
    if (call.deferAcceptSeconds !== undefined) set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, words(call.deferAcceptSeconds));
    if (call.mark !== undefined) set(fd, SOL_SOCKET, SO_MARK, words(call.mark));
    if (call.receiveBufferBytes !== undefined) set(fd, SOL_SOCKET, SO_RCVBUF, words(call.receiveBufferBytes));
    return fd;
  },
  bind({ fd, to }) {
    const address = sockaddrOf(to);
    return checked(libc.bind(fd, address, address.length));
  },
  chroot({ to }) {
    const path = Buffer.from(`${to}\0`);
    return checked(libc.syscall(SYS_chroot[process.arch] ?? -1, Number(native.addressOf(path)), 0, 0));
  },
  listen: ({ fd, backlog }) => checked(libc.listen(fd, backlog)),
  connect({ fd, to }) {
    const address = sockaddrOf(to);
    return checked(libc.connect(fd, address, address.length));
  },
  accept: ({ fd }) => checked(libc.accept(fd, SOCK_CLOEXEC)),
  write({ fd, text }) {
    const bytes = Buffer.from(text);
    return checked(libc.send(fd, bytes, bytes.length, MSG_NOSIGNAL));
  },
  fill({ fd }) {
    const bytes = new Uint8Array(65_536);
    for (let sent = 0; ;) {
      const result = libc.send(fd, bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (result < 0) return sent;
      sent += result;
    }
  },
  read({ fd }) {
    const bytes = Buffer.alloc(65_536);
    return bytes.toString("utf8", 0, checked(libc.recv(fd, bytes, bytes.length, 0)));
  },
  shutdown: ({ fd }) => checked(libc.shutdown(fd, SHUT_WR)),
  disconnect: ({ fd }) => checked(libc.connect(fd, new Uint8Array(16), 16)),
  close: ({ fd }) => checked(libc.close(fd)),
  port({ fd }) {
    const address = new Uint8Array(28);
    checked(libc.getsockname(fd, address, new Uint32Array([address.length])));
    return new DataView(address.buffer).getUint16(2, false);
  },
  timeWaits({ address, port, count }) {
    for (let made = 0; made < count; made++) {
      const name = sockaddrOf(`${address}:${port + made}`);
      const fd = checked(libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      checked(libc.bind(fd, name, name.length));
      checked(libc.connect(fd, name, name.length));
      checked(libc.close(fd));
    }
    return count;
  },
  closedFirst({ to, listener, count }) {
    const name = sockaddrOf(to);
    for (let made = 0; made < count; made++) {
      const fd = checked(libc.socket(domainOf(to), SOCK_STREAM | SOCK_CLOEXEC, 0));
      checked(libc.connect(fd, name, name.length));
      const accepted = checked(libc.accept(listener, SOCK_CLOEXEC));
      checked(libc.close(fd));
      checked(libc.close(accepted));
    }
    return count;
  },
  connectAll({ to, listener, from }) {
    const name = sockaddrOf(to);
    const local = from === undefined ? undefined : sockaddrOf(from);
    const fds: number[] = [];
    let errno = "";
    while (errno === "") {
      const fd = checked(libc.socket(domainOf(to), SOCK_STREAM | SOCK_CLOEXEC, 0));
      set(fd, SOL_SOCKET, SO_LINGER, words(1, 0));
      fds.push(fd);
      if (local !== undefined) {
        set(fd, 0, IP_BIND_ADDRESS_NO_PORT, words(1));
        checked(libc.bind(fd, local, local.length));
      }
      const result = libc.connect(fd, name, name.length);
      if (result < 0) errno = errnoName(-result);
      else fds.push(checked(libc.accept(listener, SOCK_CLOEXEC)));
    }
    for (const fd of fds) libc.close(fd);
    return { made: (fds.length - 1) / 2, errno };
  },
  setOption({ fd, level, name, words: ints }) {
    set(fd, level, name, words(...ints));
    return 0;
  },
  getOption({ fd, level, name, bytes }) {
    const value = Buffer.alloc(bytes);
    const length = new Uint32Array([bytes]);
    checked(libc.getsockopt(fd, level, name, value, length));
    return value.toString("hex", 0, length[0]);
  },
  setuid({ uid }) {
    process.setgroups?.([]);
    process.setgid?.(uid);
    process.setuid?.(uid);
    return uid;
  },
  stat: ({ path }) => statSync(path).size,
  bequeath({ fd }) {
    const child = spawn("sleep", ["600"], { stdio: ["ignore", "ignore", "ignore", fd], detached: true });
    child.on("error", () => undefined);
    return child.pid ?? -1;
  },
};

function answer(line: string): unknown {
  const { id, call, ...rest } = JSON.parse(line) as { id: number; call: keyof ActorCalls };
  try {
    return { id, value: (calls[call] as (rest: unknown) => unknown)(rest) };
  } catch (error) {
    return { id, errno: error instanceof CallFailed ? error.message : String(error) };
  }
}

// The end of stdin is the end of the test that wanted this process.
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
