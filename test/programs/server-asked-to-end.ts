/**
 * A server on 127.0.0.1 whose answer to SIGTERM is chosen: `server-asked-to-end.js PORT HOW`. Each process prints its pid once it
 * listens, and echoes what it is sent. Whoever is left ends by itself after a minute.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { errnoName } from "../../src/base/errno.ts";
import {
  AF_INET,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_REUSEADDR,
  SO_REUSEPORT,
} from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { encodeSockaddr } from "../../src/wire/sockaddr.ts";

export type HowItEnds =
  /** It prints "asked" and goes on; SIGUSR2 has it print how often that was. */
  | "ignores"
  /** It closes its listener, and ends when its last connection has. */
  | "drains"
  /** A child takes the port with a listener of its own before it ends (SO_REUSEPORT). */
  | "reopens"
  /** The child of one that reopens. */
  | "reopened";

const [, script, port, how] = process.argv as unknown as [string, string, string, HowItEnds];
const LIFE_MS = 60_000;
const server = createServer((connection) => {
  connection.on("error", () => undefined);
  connection.pipe(connection);
});
server.listen({ fd: open() }, () => process.stdout.write(`${process.pid}\n`));
let times = 0;
process.on("SIGTERM", () => answer());
process.on("SIGUSR2", () => process.stdout.write(`asked ${times} times\n`));
setTimeout(() => process.exit(), LIFE_MS).unref();

function answer(): void {
  switch (how) {
    case "ignores":
      times++;
      process.stdout.write("asked\n");
      return;
    case "drains":
    case "reopened":
      server.close(() => process.exit());
      return;
    case "reopens": {
      const child = spawn(process.execPath, [script, port, "reopened"], {
        stdio: ["ignore", "pipe", "inherit"],
        detached: true,
      });
      child.stdout.once("data", (pid: Buffer) => {
        process.stdout.write(pid);
        process.exit();
      });
    }
  }
}

function open(): number {
  const loaded = loadLibc();
  if ("why" in loaded) throw new Error(loaded.why);
  const { libc } = loaded;
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const one = new Uint8Array(Int32Array.of(1).buffer);
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one, one.length);
  if (how === "reopens" || how === "reopened") libc.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, one, one.length);
  const address = encodeSockaddr("127.0.0.1", Number(port))!;
  const result = libc.bind(fd, address, address.length);
  if (result < 0) throw new Error(`bind: ${errnoName(-result)}`);
  return fd;
}
