/**
 * The server of the old advice pages: it does not set SO_REUSEADDR, wants port 49200, and moves on to 49201 when it cannot have it. Prints
 * the port it got, then serves one connection at a time: it writes a line and keeps the connection open until it is told (by a line on
 * stdin) to close it, or is killed.
 */
import { createInterface } from "node:readline";
import { errnoName } from "../../src/base/errno.ts";
import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM } from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { encodeSockaddr } from "../../src/wire/sockaddr.ts";

const FIRST_PORT = 49_200;
const LAST_PORT = 49_201;
const EADDRINUSE = 98;

const loaded = loadLibc();
if ("why" in loaded) throw new Error(loaded.why);
const { libc } = loaded;

function listen(): { fd: number; port: number } {
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) {
    const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const address = encodeSockaddr("0.0.0.0", port)!;
    const result = libc.bind(fd, address, address.length);
    if (result === 0 && libc.listen(fd, 5) === 0) return { fd, port };
    libc.close(fd);
    if (result !== -EADDRINUSE) throw new Error(`bind: ${errnoName(-result)}`);
  }
  throw new Error("both ports are taken");
}

const { fd, port } = listen();
process.stdout.write(`${port}\n`);
let connection = -1;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "accept") {
    connection = libc.accept(fd, SOCK_CLOEXEC);
    const hello = Buffer.from("hello\n");
    libc.send(connection, hello, hello.length, 0);
  } else if (line === "close") libc.close(connection);
  process.stdout.write(`${line}\n`);
}
