// A range of a few local ports and random sockets on them, made by this process itself: clients, listeners, TIME-WAITs, bound ones.
import { writeFileSync } from "node:fs";
import { errnoName } from "../../src/base/errno.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IP_BIND_ADDRESS_NO_PORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
} from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import type { Libc } from "../../src/host/linux/libc.ts";
import type { PortRange } from "../../src/tcp/sysctl-values.ts";
import { encodeSockaddr } from "../../src/wire/sockaddr.ts";
import type { Story } from "./story.ts";

const EINPROGRESS = 115;
const SO_LINGER = 13;
/** Longer than any scene takes, so that what is young stays young; or so short that all is old. */
const DELAYS_MS = [1, 50_000];

export interface Peer {
  readonly family: "ipv4" | "ipv6";
  readonly text: string;
}

export const PEERS: readonly Peer[] = [
  { family: "ipv4", text: "127.0.0.1:900" },
  { family: "ipv4", text: "127.0.0.1:901" },
  { family: "ipv4", text: "10.9.9.1:900" },
  { family: "ipv6", text: "[::1]:900" },
  { family: "ipv6", text: "[fd00::9]:900" },
];

export const SOURCES = {
  ipv4: ["127.0.0.1", "127.0.0.2", "10.9.9.1"],
  ipv6: ["[::1]", "[fd00::9]"],
} as const;

/** Whole numbers below a bound, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Making {
  readonly from?: string;
  readonly reuseAddr?: boolean;
  /** connect() shall choose the port. */
  readonly noPort?: boolean;
  readonly device?: string;
}

/** The addresses that the scenes use. */
export function prepareScenes(story: Story): void {
  story.system("ip", "address", "add", "10.9.9.1/32", "dev", "lo");
  story.system("ip", "address", "add", "fd00::9/128", "dev", "lo", "nodad");
}

export class ConnectScene {
  readonly range: PortRange;
  readonly #random: (below: number) => number;
  readonly #libc: Libc;
  readonly #fds = new Set<number>();
  readonly #servers: number[] = [];
  readonly #told: string[] = [];

  /** At most 11 ports from `base` on. */
  constructor(base: number, random: (below: number) => number) {
    const loaded = loadLibc();
    if ("why" in loaded) throw new Error(loaded.why);
    this.#libc = loaded.libc;
    this.#random = random;
    const first = base + random(2);
    // Of three ports the kernel never chooses the last: it looks at pairs (docs/kernel/connect.md).
    const size = [1, 2, 4, 5, 6, 7, 8, 9, 10][random(9)]!;
    this.range = { first, last: first + size - 1 };
  }

  told(): string {
    return this.#told.join("; ");
  }

  somePort(): number {
    return this.range.first + this.#random(this.range.last - this.range.first + 1);
  }

  build(): void {
    const random = this.#random;
    const { first, last } = this.range;
    this.#set("ip_local_port_range", `${first} ${last}`);
    this.#set("tcp_tw_reuse", String(random(3)));
    this.#set("tcp_tw_reuse_delay", String(DELAYS_MS[random(2)]));
    this.#set("tcp_timestamps", random(4) === 0 ? "0" : "1");
    this.#set("ip_local_reserved_ports", random(2) === 0 ? String(this.somePort()) : "");
    for (const port of [900, 901]) this.#servers.push(this.#listen(`[::]:${port}`));
    for (let count = random(9); count > 0; count--) this.#something();
    this.#accept();
    // Older than the short delay.
    const end = performance.now() + 12;
    while (performance.now() < end);
  }

  #something(): void {
    this.#accept();
    const random = this.#random;
    const peer = PEERS[random(PEERS.length)]!;
    const sources = SOURCES[peer.family];
    const from = sources[random(sources.length)]!;
    const port = this.somePort();
    const reuseAddr = random(2) === 0;
    switch (random(9)) {
      case 0:
        this.#note(`client of ${peer.text}`, this.#client(peer));
        return;
      case 1:
        this.#note(`client of ${peer.text} from ${from}`, this.#client(peer, { from: `${from}:0`, noPort: true }));
        return;
      case 2:
        this.#note(`client of ${peer.text} on lo`, this.#client(peer, { device: "lo" }));
        return;
      case 3:
      case 4: {
        const fd = this.#client(peer, random(2) === 0 ? {} : { from: `${from}:0`, noPort: true });
        this.#note(`TIME-WAIT to ${peer.text}`, fd);
        if (fd >= 0) this.#timeWait(fd);
        return;
      }
      case 5: {
        const fd = this.#client(peer);
        this.#note(`FIN-WAIT-2 to ${peer.text}`, fd);
        if (fd >= 0) this.#close(fd);
        this.#accept();
        return;
      }
      case 6:
        this.#note(`bound ${from}:${port}`, this.#bound(peer.family, `${from}:${port}`, reuseAddr));
        return;
      case 7:
        this.#note(
          `client of ${peer.text} from ${from}:${port}, SO_REUSEADDR ${reuseAddr}`,
          this.#client(peer, { from: `${from}:${port}`, reuseAddr }),
        );
        return;
      default:
        this.#inRange(peer.family, `${from}:${port}`);
    }
  }

  /** A server in the range, with a connection, which stays or goes. */
  #inRange(family: Peer["family"], at: string): void {
    const listener = this.#bound(family, at, true);
    this.#note(`listener ${at}`, listener);
    if (listener < 0) return;
    this.#libc.listen(listener, 8);
    if (this.#random(2) === 0) return;
    this.#note(`client of ${at}`, this.#client({ family, text: at }));
    const child = this.#libc.accept(listener, SOCK_CLOEXEC);
    if (child >= 0) this.#fds.add(child);
    if (this.#random(2) === 0) return;
    this.#note(`listener ${at} gone`, 0);
    this.#close(listener);
  }

  /** As many as the kernel gives. */
  connectAll(peer: Peer, from: string | undefined): { readonly made: number; readonly errno: string } {
    let made = 0;
    let errno = "none";
    for (let failures = 0; failures < 3;) {
      const fd = this.#client(peer, from === undefined ? {} : { from: `${from}:0`, noPort: true });
      if (fd >= 0) made++;
      else {
        failures++;
        errno = errnoName(-fd);
      }
      this.#accept();
    }
    return { made, errno };
  }

  /** How many bind() calls of the address with port 0 succeed; they are undone. */
  bindAll(address: string): number {
    const fds: number[] = [];
    for (let failures = 0; failures < 40;) {
      const fd = this.#bound(address.startsWith("[") ? "ipv6" : "ipv4", `${address}:0`, false);
      if (fd >= 0) fds.push(fd);
      else failures++;
    }
    for (const fd of fds) this.#close(fd);
    return fds.length;
  }

  connectFrom(peer: Peer, from: string, reuseAddr: boolean): { readonly bind: string; readonly connect?: string } {
    const fd = this.#bound(peer.family, from, reuseAddr);
    if (fd < 0) return { bind: errnoName(-fd) };
    const connected = this.#connect(fd, peer);
    this.#accept();
    return { bind: "ok", connect: connected === 0 ? "ok" : errnoName(-connected) };
  }

  clear(): void {
    const abort = new Uint8Array(Int32Array.of(1, 0).buffer);
    for (const fd of this.#fds) {
      this.#libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, abort, abort.length);
      this.#libc.close(fd);
    }
    this.#fds.clear();
  }

  #set(name: string, value: string): void {
    this.#told.push(`${name}=${value}`);
    writeFileSync(`/proc/sys/net/ipv4/${name}`, `${value}\n`);
  }

  #note(what: string, result: number): void {
    this.#told.push(result < 0 ? `${what}: ${errnoName(-result)}` : what);
  }

  #socket(family: Peer["family"], making: Making = {}): number {
    const fd = this.#libc.socket(family === "ipv4" ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new Error(`socket(): ${errnoName(-fd)}`);
    this.#fds.add(fd);
    const set = (level: number, name: number, value: Uint8Array): number =>
      this.#libc.setsockopt(fd, level, name, value, value.length);
    const on = new Uint8Array(Int32Array.of(1).buffer);
    if (making.reuseAddr === true) set(SOL_SOCKET, SO_REUSEADDR, on);
    if (making.noPort === true) set(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, on);
    if (making.device !== undefined) set(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${making.device}\0`));
    return fd;
  }

  #bound(family: Peer["family"], to: string, reuseAddr: boolean, making: Making = {}): number {
    const fd = this.#socket(family, { ...making, reuseAddr });
    const address = sockaddrOf(to);
    const result = this.#libc.bind(fd, address, address.length);
    if (result === 0) return fd;
    this.#close(fd);
    return result;
  }

  #listen(at: string): number {
    const fd = this.#bound("ipv6", at, true);
    if (fd < 0) throw new Error(`listen on ${at}: ${errnoName(-fd)}`);
    this.#libc.listen(fd, 256);
    return fd;
  }

  #client(peer: Peer, making: Making = {}): number {
    let fd: number;
    if (making.from === undefined) fd = this.#socket(peer.family, making);
    else fd = this.#bound(peer.family, making.from, making.reuseAddr === true, making);
    if (fd < 0) return fd;
    const result = this.#connect(fd, peer);
    if (result === 0) return fd;
    this.#close(fd);
    return result;
  }

  /**
   * On loopback the handshake is over when the call returns; but it does not wait for one that is not: a connection that has the port and
   * the very addresses of one on a device sends its SYN to that one's server.
   */
  #connect(fd: number, peer: Peer): number {
    const address = sockaddrOf(peer.text);
    const result = this.#libc.connect(fd, address, address.length);
    return result === -EINPROGRESS ? 0 : result;
  }

  #accept(): number[] {
    const accepted: number[] = [];
    for (const server of this.#servers)
      for (;;) {
        const fd = this.#libc.accept(server, SOCK_CLOEXEC);
        if (fd < 0) break;
        this.#fds.add(fd);
        accepted.push(fd);
      }
    return accepted;
  }

  /** This side closes, then the other. */
  #timeWait(client: number): void {
    const others = this.#accept();
    this.#close(client);
    for (const fd of others) this.#close(fd);
  }

  #close(fd: number): void {
    this.#libc.close(fd);
    this.#fds.delete(fd);
  }
}

function sockaddrOf(text: string): Uint8Array {
  const colon = text.lastIndexOf(":");
  const bytes = encodeSockaddr(text.slice(0, colon).replace(/^\[|\]$/g, ""), Number(text.slice(colon + 1)));
  if (bytes === undefined) throw new Error(`${text} is no numeric address`);
  return bytes;
}
