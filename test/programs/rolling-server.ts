/**
 * An http server that is replaced by another process of it: `inherited PORT` takes the listener that it was handed (LISTEN_FDS), `reuseport PORT`
 * makes one of its own beside that of its predecessor, `kept PORT` listens as ever. Prints "ready", at SIGTERM drains, prints the report, and ends by itself.
 */
import http from "node:http";
import { listen, shutdownOnSignals } from "../../src/graceful/graceful.ts";
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

/** So that there is something in flight at any moment. */
const WORK_MS = 2;
const BACKLOG = 511;

const [way, port] = [process.argv[2], Number(process.argv[3])];
const server = http.createServer((_, response) => void setTimeout(() => response.end("done"), WORK_MS));
shutdownOnSignals(server, {
  exitMs: false,
  afterDrain: (report) => void process.stdout.write(`${JSON.stringify(report)}\n`),
});
if (way !== "reuseport") {
  const { inherited } = await listen(server, { port });
  if (inherited !== (way === "inherited")) throw new Error(`inherited: ${inherited}`);
} else await new Promise<void>((resolve) => server.listen({ fd: ownListener() }, resolve));
process.stdout.write("ready\n");

/** Node has `reusePort` since 23.1 only, and before that takes it without a word. */
function ownListener(): number {
  const loaded = loadLibc();
  if ("why" in loaded) throw new Error(loaded.why);
  const { libc } = loaded;
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const on = new Uint8Array(new Int32Array([1]).buffer);
  const address = encodeSockaddr("127.0.0.1", port)!;
  for (const option of [SO_REUSEADDR, SO_REUSEPORT]) libc.setsockopt(fd, SOL_SOCKET, option, on, on.length);
  if (libc.bind(fd, address, address.length) < 0 || libc.listen(fd, BACKLOG) < 0) throw new Error(`port ${port}`);
  return fd;
}
