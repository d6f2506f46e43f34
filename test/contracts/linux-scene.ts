// The scene of real sockets, in a network namespace of this process' own.
import { spawnSync } from "node:child_process";
import { fstatSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { errnoName } from "../../src/base/errno.ts";
import {
  AF_INET,
  AF_INET6,
  CLONE_NEWNET,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
} from "../../src/host/linux/constants.ts";
import type { Libc } from "../../src/host/linux/libc.ts";
import { LITTLE_ENDIAN } from "../../src/wire/netlink.ts";
import { encodeSockaddr } from "../../src/wire/sockaddr.ts";
import { startEngine } from "./engine-server.ts";
import type { Held, Scene, Shown } from "./scene.ts";

const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

/** Moves this process into a new network namespace with lo up. Answers the errno when it may not. */
export function enterNewNetns(libc: Libc): string | undefined {
  const moved = libc.unshare(CLONE_NEWNET);
  if (moved < 0) return errnoName(-moved);
  raiseLoopback(libc);
  return undefined;
}

export function raiseLoopback(libc: Libc): void {
  const fd = sure("socket", libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode("lo"));
  new DataView(request.buffer).setInt16(16, IFF_UP, LITTLE_ENDIAN);
  sure("SIOCSIFFLAGS", libc.ioctl(fd, SIOCSIFFLAGS, request));
  libc.close(fd);
}

/** Everything stays open until this process ends. */
export function createLinuxScene(libc: Libc): Scene {
  const net = new Sockets(libc);
  const listener = net.listen("127.0.0.1");
  const client = net.connect(listener);
  const server = net.accept(listener);
  const timeWait = net.closeFirst(listener);
  const knocking = net.connect(listener);
  const udp = net.bind("127.0.0.1", { datagram: true });
  return {
    pid: process.pid,
    uid: process.getuid!(),
    userName: userInfo().username,
    netns: statSync("/proc/self/ns/net").ino,
    listener,
    listener6: net.listen("::1"),
    onDevice: net.listen("127.0.0.1", "lo"),
    server: { ...server, remote: client.local },
    client,
    knocking,
    waiting: { local: listener.local, remote: knocking.local },
    timeWait,
    bound: net.bind("127.0.0.1"),
    udp,
    udpConnected: net.connect(udp, { datagram: true }),
    deadPid: spawnSync(process.execPath, ["-e", "0"]).pid,
    freePort: net.freePort(),
    container: { runtime: "docker", id: "c".repeat(64), name: "shop" },
  };
}

/** The engine of the scene's container, at a socket of its own, where DOCKER_HOST sends this process and its children from now on. */
export async function startSceneEngine({ container }: Scene): Promise<{ close(): void }> {
  const directory = mkdtempSync(join(tmpdir(), "pm-engine-"));
  const socketPath = join(directory, "docker.sock");
  const ports = [{ protocol: "tcp", address: "127.0.0.1", port: 8088, containerPort: 80 }];
  const shop = { id: container.id, name: container.name!, restartPolicy: "always", running: true, ports };
  const server = await startEngine(socketPath, [shop]);
  process.env["DOCKER_HOST"] = `unix://${socketPath}`;
  return {
    close: () => {
      server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** The last ACK of a closed connection is on its way for a moment. */
export async function untilTimeWait({ timeWait }: Scene): Promise<void> {
  const port = timeWait.local.port.toString(16).toUpperCase().padStart(4, "0");
  const line = new RegExp(`:${port} 0100007F:[0-9A-F]{4} 06 `);
  for (let attempt = 0; attempt < 500; attempt++) {
    if (line.test(readFileSync("/proc/thread-self/net/tcp", "latin1"))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("no TIME-WAIT came within 5 s");
}

class Sockets {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  bind(address: string, options: { datagram?: boolean; reuseAddr?: boolean; device?: string } = {}): Held {
    const family = address.includes(":") ? AF_INET6 : AF_INET;
    const type = options.datagram === true ? SOCK_DGRAM : SOCK_STREAM;
    const fd = sure("socket", this.#libc.socket(family, type | SOCK_CLOEXEC, 0));
    if (options.reuseAddr === true) this.#set(fd, SOL_SOCKET, SO_REUSEADDR, ONE);
    if (family === AF_INET6) this.#set(fd, IPPROTO_IPV6, IPV6_V6ONLY, ONE);
    if (options.device !== undefined)
      this.#set(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${options.device}\0`));
    const name = encodeSockaddr(address, 0)!;
    sure("bind", this.#libc.bind(fd, name, name.length));
    return this.#held(fd, address);
  }

  listen(address: string, device?: string): Held {
    const held = this.bind(address, { reuseAddr: true, ...(device === undefined ? {} : { device }) });
    sure("listen", this.#libc.listen(held.fd, 8));
    return held;
  }

  connect(to: Shown, options: { datagram?: boolean } = {}): Held {
    const type = options.datagram === true ? SOCK_DGRAM : SOCK_STREAM;
    const fd = sure("socket", this.#libc.socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const name = encodeSockaddr(to.local.address, to.local.port)!;
    sure("connect", this.#libc.connect(fd, name, name.length));
    return { ...this.#held(fd, "127.0.0.1"), remote: to.local };
  }

  accept({ fd, local }: Held): Held {
    return this.#held(sure("accept", this.#libc.accept(fd, SOCK_CLOEXEC)), local.address);
  }

  /** A connection whose client closes first, then the server: the client's end is in TIME-WAIT. */
  closeFirst(listener: Held): Shown {
    const client = this.connect(listener);
    const server = this.accept(listener);
    this.#libc.close(client.fd);
    this.#libc.close(server.fd);
    return { local: client.local, remote: listener.local };
  }

  freePort(): number {
    const { fd, local } = this.bind("127.0.0.1");
    this.#libc.close(fd);
    return local.port;
  }

  #held(fd: number, address: string): Held {
    const name = new Uint8Array(28);
    sure("getsockname", this.#libc.getsockname(fd, name, new Uint32Array([name.length])));
    return { local: { address, port: new DataView(name.buffer).getUint16(2, false) }, fd, inode: fstatSync(fd).ino };
  }

  #set(fd: number, level: number, name: number, value: Uint8Array): void {
    sure("setsockopt", this.#libc.setsockopt(fd, level, name, value, value.length));
  }
}

const ONE = LITTLE_ENDIAN ? new Uint8Array([1, 0, 0, 0]) : new Uint8Array([0, 0, 0, 1]);

function sure(call: string, result: number): number {
  if (result < 0) throw new Error(`${call}: ${errnoName(-result)}`);
  return result;
}
