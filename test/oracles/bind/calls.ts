/** Socket calls as a scenario needs them: nothing blocks, a failure is a negated errno, and any call can be made as another user. */
import { errnoName } from "../../../src/base/errno.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_BINDTODEVICE,
  SO_COOKIE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SYS_setresuid,
} from "../../../src/host/linux/constants.ts";
import type { Libc } from "../../../src/host/linux/libc.ts";
import type { Protocol } from "../../../src/tcp/socket.ts";
import { formatCookie } from "../../../src/tcp/socket-row.ts";
import { LITTLE_ENDIAN } from "../../../src/wire/netlink.ts";
import { encodeSockaddr } from "../../../src/wire/sockaddr.ts";

const IPPROTO_IP = 0;
/** Linux 6.3. */
const IP_LOCAL_PORT_RANGE = 51;
const IPPROTO_TCP = 6;
const TCP_QUICKACK = 12;
const FIONBIO = 0x5421;
const SO_LINGER = 13;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const MSG_NOSIGNAL = 0x4000;
const EINPROGRESS = -115;
const SHUT_WR = 1;

export interface SocketOptions {
  readonly v6only: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly device?: string;
}

export class Calls {
  readonly #libc: Libc;
  readonly #home = process.geteuid?.() ?? 0;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  as<T>(uid: number, work: () => T): T {
    if (uid === this.#home) return work();
    this.#become(uid);
    try {
      return work();
    } finally {
      this.#become(this.#home);
    }
  }

  #become(uid: number): void {
    const number = SYS_setresuid[process.arch];
    if (number === undefined) throw new Error(`setresuid's number on ${process.arch} is not known`);
    const result = this.#libc.syscall(number, -1, uid, -1);
    if (result < 0) throw new Error(`setresuid ${uid}: ${errnoName(-result)}`);
  }

  open(protocol: Protocol, address: string, options: SocketOptions): number {
    const ipv6 = address.includes(":");
    const type = (protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = this.#libc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0);
    if (fd < 0) throw new Error(`socket: ${errnoName(-fd)}`);
    let failed = ipv6 ? this.#set(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6only ? 1 : 0) : 0;
    if (failed === 0 && options.reuseAddr) failed = this.#set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (failed === 0 && options.reusePort) failed = this.#set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (failed === 0 && options.device !== undefined) {
      const name = new TextEncoder().encode(`${options.device}\0`);
      failed = this.#libc.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
    }
    if (failed < 0) throw new Error(`setsockopt: ${errnoName(-failed)}`);
    return fd;
  }

  /** The kernel chooses a port of these. A range wholly outside ip_local_port_range is ignored. */
  onlyPorts(fd: number, first: number, last = first): number {
    return this.#set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, ((last << 16) | first) >>> 0);
  }

  bind(fd: number, address: string, port: number): number {
    const name = encodeSockaddr(address, port)!;
    return this.#libc.bind(fd, name, name.length);
  }

  listen(fd: number): number {
    return this.#libc.listen(fd, 64);
  }

  /** 0 also while it goes on. `ipv6`: the family of the socket. */
  connect(fd: number, address: string, port: number, ipv6: boolean): number {
    const name = encodeSockaddr(ipv6 && !address.includes(":") ? `::ffff:${address}` : address, port)!;
    const result = this.#libc.connect(fd, name, name.length);
    return result === EINPROGRESS ? 0 : result;
  }

  /** connect() to AF_UNSPEC takes a connection back. */
  disconnect(fd: number): void {
    this.#libc.connect(fd, new Uint8Array(16), 16);
  }

  accept(fd: number): number {
    return this.#libc.accept(fd, SOCK_CLOEXEC | SOCK_NONBLOCK);
  }

  /** Sends until nothing more goes in: what is closed then has something left to deliver. */
  fill(fd: number, peer: number): void {
    // The least that the kernel gives.
    this.#set(fd, SOL_SOCKET, SO_SNDBUF, 1);
    this.#set(peer, SOL_SOCKET, SO_RCVBUF, 1);
    const data = new Uint8Array(16_384);
    for (let sent = 0; sent < 1000; sent++) if (this.#libc.send(fd, data, data.length, MSG_NOSIGNAL) < 0) return;
    throw new Error("a socket that is never full");
  }

  /** The other side's FIN: now, not in 40 ms. */
  acknowledge(fd: number): void {
    this.#libc.recv(fd, new Uint8Array(1), 1, 0);
    this.#set(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
  }

  /** For programs that expect it to wait. */
  letWait(fd: number): void {
    this.#libc.ioctl(fd, FIONBIO, new Uint8Array(4));
  }

  /** Closes it with a reset, so that nothing is left of it. */
  abandon(fd: number): void {
    const linger = new Uint8Array(new Int32Array([1, 0]).buffer);
    this.#libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, linger.length);
    this.#libc.close(fd);
  }

  shutdown(fd: number): void {
    this.#libc.shutdown(fd, SHUT_WR);
  }

  close(fd: number): void {
    this.#libc.close(fd);
  }

  localPort(fd: number): number {
    const name = new Uint8Array(28);
    this.#libc.getsockname(fd, name, new Uint32Array([name.length]));
    return new DataView(name.buffer).getUint16(2, false);
  }

  cookie(fd: number): string {
    const value = new Uint8Array(8);
    this.#libc.getsockopt(fd, SOL_SOCKET, SO_COOKIE, value, new Uint32Array([8]));
    const cookie = new DataView(value.buffer).getBigUint64(0, LITTLE_ENDIAN);
    return formatCookie(Number(cookie >> 32n), Number(cookie & 0xffffffffn));
  }

  #set(fd: number, level: number, name: number, value: number): number {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, LITTLE_ENDIAN);
    return this.#libc.setsockopt(fd, level, name, bytes, 4);
  }
}
