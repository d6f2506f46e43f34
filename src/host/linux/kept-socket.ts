/** A descriptor of ours of somebody's socket, taken with pidfd_getfd(2). What it is is asked of the socket itself, never of the program. */
import { fstatSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";
import { MOST_UNIX_BYTES, decodeSockaddr } from "../../wire/sockaddr.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import type { KeptSocket, SocketPlace } from "../keeping.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SHUT_RDWR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_REUSEADDR,
  SO_REUSEPORT,
} from "./constants.ts";
import { readCookie } from "./held-socket.ts";
import type { Libc } from "./libc.ts";

/** What getsockname(2) answers for a Unix socket without a name. */
const FAMILY_BYTES = 2;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
const SO_BINDTOIFINDEX = 62;
const SO_NETNS_COOKIE = 71;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_MPTCP = 262;
const TCP_INFO = 11;
/** tcpi_unacked of struct tcp_info: of a listener, the connections that wait (tcp_get_info() in net/ipv4/tcp.c). */
const TCPI_UNACKED = 24;

export class KeptDescriptor implements KeptSocket {
  readonly #libc: Libc;
  #fd: number;
  readonly inode: number;
  readonly cookie: string | undefined;

  /** Owns `fd` from now on. */
  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.inode = fstatSync(fd).ino;
    this.cookie = readCookie(libc, fd);
  }

  /** For calls on the descriptor itself; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  place(): SocketPlace | undefined {
    const type = this.#int(SOL_SOCKET, SO_TYPE);
    const domain = this.#int(SOL_SOCKET, SO_DOMAIN);
    const protocol = this.#int(SOL_SOCKET, SO_PROTOCOL);
    if (domain !== AF_INET && domain !== AF_INET6) return undefined;
    const stream = type === SOCK_STREAM && (protocol === IPPROTO_TCP || protocol === IPPROTO_MPTCP);
    if (!stream && !(type === SOCK_DGRAM && protocol === IPPROTO_UDP)) return undefined;
    const bytes = new Uint8Array(28);
    if (this.#libc.getsockname(this.#fd, bytes, new Uint32Array([bytes.length])) < 0) return undefined;
    const name = decodeSockaddr(bytes);
    if (name === undefined || name.family === "unix") return undefined;
    const v6only = domain === AF_INET6 ? this.#int(IPPROTO_IPV6, IPV6_V6ONLY) : undefined;
    return {
      protocol: stream ? "tcp" : "udp",
      family: name.family,
      address: name.address,
      port: name.port,
      scopeIndex: name.scopeIndex,
      v6only: v6only === undefined ? undefined : v6only !== 0,
      multipath: protocol === IPPROTO_MPTCP,
      reusePort: this.#int(SOL_SOCKET, SO_REUSEPORT) === 1,
      deviceIndex: this.#int(SOL_SOCKET, SO_BINDTOIFINDEX) ?? 0,
      netns: this.#netns(),
    };
  }

  /** One that bind(2) would give a path. */
  isUnboundUnix(): boolean {
    const length = new Uint32Array([MOST_UNIX_BYTES]);
    const named = this.#libc.getsockname(this.#fd, new Uint8Array(MOST_UNIX_BYTES), length);
    return named >= 0 && this.#int(SOL_SOCKET, SO_DOMAIN) === AF_UNIX && length[0] === FAMILY_BYTES;
  }

  isListening(): boolean {
    return this.#int(SOL_SOCKET, SO_ACCEPTCONN) === 1;
  }

  waitingCount(): number | undefined {
    if (!this.isListening()) return undefined;
    const info = new Uint8Array(TCPI_UNACKED + 4);
    const result = this.#libc.getsockopt(this.#fd, IPPROTO_TCP, TCP_INFO, info, new Uint32Array([info.length]));
    return result < 0 ? undefined : new DataView(info.buffer).getUint32(TCPI_UNACKED, LITTLE_ENDIAN);
  }

  setReuseAddr(): string {
    const one = new Uint8Array(new Uint32Array([1]).buffer);
    return answerOf(this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_REUSEADDR, one, one.length));
  }

  listen(backlog: number): string {
    return answerOf(this.#libc.listen(this.#fd, backlog));
  }

  stopListening(): string {
    return answerOf(this.#libc.shutdown(this.#fd, SHUT_RDWR));
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#libc.close(this.#fd);
    this.#fd = -1;
  }

  #int(level: number, name: number): number | undefined {
    const value = new Uint8Array(4);
    const result = this.#libc.getsockopt(this.#fd, level, name, value, new Uint32Array([4]));
    return result < 0 ? undefined : new DataView(value.buffer).getInt32(0, LITTLE_ENDIAN);
  }

  #netns(): string | undefined {
    const value = new Uint8Array(8);
    if (this.#libc.getsockopt(this.#fd, SOL_SOCKET, SO_NETNS_COOKIE, value, new Uint32Array([8])) < 0) return undefined;
    return new DataView(value.buffer).getBigUint64(0, LITTLE_ENDIAN).toString();
  }
}

function answerOf(result: number): string {
  return result < 0 ? errnoName(-result) : "ok";
}
