// Target: of an http server that is replaced 20 times under load, by processes that inherit one listener, no request fails.
// Last: 0 failed and 0 TIME-WAITs on the server's side; bare Node 160 and 110, http-terminator 142 and 113, stoppable 171 and 151,
// @godaddy/terminus 166 and 140, of about 10 000 requests each (bare Node 90 000: it waits 2.5 s at each restart). On a busy machine. Linux 6.18,
// AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { installPeers, serverTimeWaits, WAYS } from "./scene/graceful-peers.mjs";
import { judge, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";
import { buildTestPrograms, testProgram } from "./scene/test-programs.mjs";
import { bindTo, closeSocket, listenOn, loopbackAddress, openSocket } from "./scene/sockets.mjs";

const RESTARTS = Number(process.env.BENCH_RESTARTS ?? 20);
/** Below those that the kernel gives to clients. */
const PORT = 8100;
const WORK_MS = 2;
const ANSWERS_A_LIFE = 200;

installPeers();
inOwnNetns(import.meta.url);
sayMachine();
buildTestPrograms();
const { HttpLoad } = await import(testProgram("kernel/http-load"));
const program = fileURLToPath(new URL("scene/graceful-server.mjs", import.meta.url));

for (const [at, way] of WAYS.entries()) {
  const port = PORT + at;
  const figures = await roll(way, port);
  const failed = [...figures.failures.values()].reduce((sum, count) => sum + count, 0);
  const codes = [...figures.failures].map(([code, count]) => `${count} ${code}`).join(", ");
  say(
    `${way.padEnd(18)} ${String(figures.answered).padStart(6)} answered, ${failed} failed${codes && ` (${codes})`}, ${figures.timeWaits} TIME-WAITs`,
  );
  if (way === "drain") judge("requests that failed over the restarts", failed, 0, 0);
}

async function roll(way, port) {
  const listener = openSocket();
  bindTo(listener, loopbackAddress(1, port));
  listenOn(listener, 4096);
  const timeWaits = new Set();
  let life = await begin(way, listener);
  const load = new HttpLoad(port, { keepAlive: 8, perRequest: 8 });
  for (let restart = 1; restart <= RESTARTS; restart++) {
    const from = load.answered;
    while (load.answered < from + ANSWERS_A_LIFE) await new Promise((resolve) => setTimeout(resolve, 5));
    const next = await begin(way, listener);
    life.kill("SIGTERM");
    await new Promise((resolve) => life.once("exit", resolve));
    life = next;
    for (const remote of serverTimeWaits(port)) timeWaits.add(remote);
  }
  await load.stop();
  life.kill("SIGKILL");
  closeSocket(listener);
  return { answered: load.answered, failures: load.failures, timeWaits: timeWaits.size };
}

async function begin(way, listener) {
  const child = spawn(process.execPath, [program, way, "fd", String(WORK_MS)], {
    stdio: ["ignore", "pipe", "inherit", listener],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child;
}
