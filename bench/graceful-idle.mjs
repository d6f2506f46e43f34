// Target: a drain of 10 000 idle keep-alive connections whose clients close when they are told, takes at most 1.5 of closeAllConnections() and
// the clients' own closing after it. Idle connections can only be told by a FIN: idleMs 0.
// Last: 1.36 (852 ms against 627; http-terminator 612, stoppable 662, which leave the TIME-WAITs uncounted). The server's processor is the limit:
// end(), the peer's FIN through Node's streams, close(), 4 µs for the peer's port, and a tenth of the time to read the kernel's table at the end.
// Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { judge, median, say, sayMachine } from "./scene/measure.mjs";
import { installPeers } from "./scene/graceful-peers.mjs";
import { buildTestPrograms } from "./scene/test-programs.mjs";

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const TARGET = 1.5;
const WAYS = ["drain", "closeAllConnections", "http-terminator", "stoppable"];

installPeers();
sayMachine();
buildTestPrograms();
const scene = fileURLToPath(new URL("scene/idle-end.mjs", import.meta.url));
const times = Object.fromEntries(WAYS.map((way) => [way, []]));
for (let run = -1; run < RUNS; run++)
  for (const way of run % 2 === 0 ? WAYS : [...WAYS].reverse()) {
    const { stdout, status } = spawnSync(process.execPath, [scene, way, String(CONNECTIONS)], {
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${way}: status ${status}`);
    if (run >= 0) times[way].push(Number(stdout));
  }
for (const way of WAYS) say(`${way.padEnd(20)} ${median(times[way]).toFixed(0)} ms`);
judge(
  "drain against closeAllConnections() and the clients' own",
  median(times.drain) / median(times.closeAllConnections),
  TARGET,
);
