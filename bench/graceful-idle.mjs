// Target: a drain of 10 000 idle keep-alive connections whose clients close when they are told, takes at most 1.5 of closeAllConnections() and
// the clients' own closing after it. Idle connections can only be told by a FIN: idleMs 0.
// Last: missed, 3.98 (2608 ms against 655; http-terminator 767, stoppable 869). Per connection the drain costs
// the server 0.15 ms of the processor: end(), the peer's FIN through Node's streams, close(), and what is kept to count it. Linux 6.18, AMD EPYC x 2, Node
// 20.20.2, 2026-11-21.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { judge, median, say, sayMachine } from "./scene/measure.mjs";
import { installPeers } from "./scene/graceful-peers.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";
import { buildTestPrograms, testProgram } from "./scene/test-programs.mjs";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const TARGET = 1.5;
const WAYS = ["drain", "closeAllConnections", "http-terminator", "stoppable"];
/** Another for each run: the TIME-WAITs of the last are still there. */
let port = 8500;

installPeers();
inOwnNetns(import.meta.url);
sayMachine();
buildTestPrograms();
const program = fileURLToPath(new URL("scene/idle-server.mjs", import.meta.url));
const times = Object.fromEntries(WAYS.map((way) => [way, []]));
for (let run = -1; run < RUNS; run++)
  for (const way of run % 2 === 0 ? WAYS : [...WAYS].reverse()) {
    const took = await endOnce(way);
    if (run >= 0) times[way].push(took);
  }
for (const way of WAYS) say(`${way.padEnd(20)} ${median(times[way]).toFixed(0)} ms`);
judge(
  "drain against closeAllConnections() and the clients' own",
  median(times.drain) / median(times.closeAllConnections),
  TARGET,
);

/** From the call until both sides have closed the last of them. */
async function endOnce(way) {
  port++;
  const server = spawn(process.execPath, [program, way, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  await told.next();
  const clients = spawn(
    process.execPath,
    [testProgram("programs/keep-alive-clients"), String(port), String(CONNECTIONS), "0"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: clients.stdout })[Symbol.asyncIterator]();
  await lines.next();
  await new Promise((resolve) => setTimeout(resolve, 300));
  server.kill("SIGTERM");
  const { closedAtMs } = JSON.parse((await lines.next()).value);
  const { begunAtMs, endedAtMs, connections } = JSON.parse((await told.next()).value);
  if (connections !== CONNECTIONS) throw new Error(`${way}: ${connections} connections`);
  return Math.max(closedAtMs, endedAtMs) - begunAtMs;
}
