/** One NETLINK_SOCK_DIAG socket. It stays in the network namespace in which it was opened, whichever thread or namespace uses it later. */
import { errnoName } from "../../base/errno.ts";
import {
  AF_NETLINK,
  EINTR,
  MSG_DONTWAIT,
  NETLINK_SOCK_DIAG,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_SOCKET,
  SO_RCVTIMEO,
} from "./constants.ts";
import type { Libc } from "./libc.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";

const RECEIVE_TIMEOUT_SECONDS = 10;

export class NetlinkSocket {
  readonly #libc: Libc;
  #fd: number;
  #sequence = 0;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** Whoever opens it closes it. EPROTONOSUPPORT: a kernel without CONFIG_INET_DIAG, or one that may not load the module. */
  static open(libc: Libc): NetlinkSocket | { readonly errno: string } {
    const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return { errno: errnoName(-fd) };
    // A kernel that never answers must not hang the program: EAGAIN after this long. struct timeval of a 64-bit system.
    const timeout = new Uint8Array(16);
    new DataView(timeout.buffer).setUint32(LITTLE_ENDIAN ? 0 : 4, RECEIVE_TIMEOUT_SECONDS, LITTLE_ENDIAN);
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
    return new NetlinkSocket(libc, fd);
  }

  nextSequence(): number {
    return (this.#sequence = (this.#sequence + 1) >>> 0);
  }

  /** 0, or a negated errno. A netlink request goes out whole or not at all (netlink_sendmsg). */
  send(message: Uint8Array): number {
    for (;;) {
      const sent = this.#libc.send(this.#fd, message, message.length, 0);
      if (sent !== -EINTR) return Math.min(sent, 0);
    }
  }

  /** How many bytes came, or a negated errno. Blocks: the kernel answers a dump as fast as it is read. */
  receive(buffer: Uint8Array): number {
    return this.#receive(buffer, 0);
  }

  /** The same without waiting: -EAGAIN when there is nothing. */
  receiveNow(buffer: Uint8Array): number {
    return this.#receive(buffer, MSG_DONTWAIT);
  }

  #receive(buffer: Uint8Array, flags: number): number {
    for (;;) {
      const length = this.#libc.recv(this.#fd, buffer, buffer.length, flags);
      if (length !== -EINTR) return length;
    }
  }

  /** Subscribes to multicast groups, bit n for group n + 1. 0, or a negated errno. */
  join(groups: number): number {
    // struct sockaddr_nl: family, padding, port (0: the kernel chooses), groups.
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, LITTLE_ENDIAN);
    view.setUint32(8, groups, LITTLE_ENDIAN);
    return this.#libc.bind(this.#fd, address, address.length);
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#libc.close(this.#fd);
    this.#fd = -1;
  }
}
