// idle-server.mjs WAY PORT   a server whose connections are ended in this way at SIGTERM. Prints "ready", then when that began and was over.
import { createServer } from "node:http";
import { attach } from "./graceful-peers.mjs";

const [way, port] = process.argv.slice(2);
const server = createServer((_, response) => response.end("done"));
server.keepAliveTimeout = 0;
const end = way === "closeAllConnections" ? closeAll : await attach(way, server);
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 }, () => process.stdout.write("ready\n"));
const now = () => performance.timeOrigin + performance.now();

process.once("SIGTERM", () => void endAll());

async function endAll() {
  const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  const begunAtMs = now();
  await end({ idleMs: 0, graceMs: 60_000 });
  process.stdout.write(`${JSON.stringify({ begunAtMs, endedAtMs: now(), connections })}\n`);
}

function closeAll() {
  return new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
