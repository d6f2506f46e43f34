// Plain socket calls for scenes of a hundred thousand sockets, which node:net would take minutes and gigabytes to make.
import { createRequire } from "node:module";

const koffi = createRequire(import.meta.url)("koffi");
const library = koffi.load(null);
const calls = {
  socket: library.func("socket", "int", ["int", "int", "int"]),
  bind: library.func("bind", "int", ["int", "void *", "uint32_t"]),
  listen: library.func("listen", "int", ["int", "int"]),
  connect: library.func("connect", "int", ["int", "void *", "uint32_t"]),
  accept: library.func("accept4", "int", ["int", "void *", "void *", "int"]),
  close: library.func("close", "int", ["int"]),
};

const AF_INET = 2;
const SOCK_STREAM = 1;
/** A process that is started gets the descriptors that it is given, and no others. */
const SOCK_CLOEXEC = 0o2000000;

/** An IPv4 TCP socket's descriptor. */
export const openSocket = () => must("socket", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
export const bindTo = (fd, address) => must("bind", fd, address, 16);
export const listenOn = (fd, backlog) => must("listen", fd, backlog);
export const connectTo = (fd, address) => must("connect", fd, address, 16);
export const acceptFrom = (fd) => must("accept", fd, null, null, SOCK_CLOEXEC);
export const closeSocket = (fd) => must("close", fd);

/** struct sockaddr_in of 127.x.y.z; `host` counts from 1. */
export function loopbackAddress(host, port) {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer)[0] = AF_INET;
  bytes.set([port >> 8, port & 255, 127, (host >> 16) & 255, (host >> 8) & 255, host & 255], 2);
  return bytes;
}

function must(name, ...args) {
  const result = calls[name](...args);
  if (result < 0) throw new Error(`${name}: errno ${koffi.errno()}`);
  return result;
}
