// Target: from SIGKILL to the first answered request of a server that itself needs 5 ms to start, without a pause before the restart, at most
// 1.0 of an empty Node program; the keeper takes at most 80 MB; a kept server answers at least 0.98 of the requests that it answers alone.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { judge, medians, say, sayMachine, scratchFile } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";

const KILLS = 41;
const START_MS = 5;
const PORT = 49_200;
const ROUNDS = 5;
const ROUND_MS = 1500;
const TARGET_RESTART = 1.0;
const TARGET_MB = 80;
const TARGET_RATE = 0.98;

inOwnNetns(import.meta.url);
sayMachine();
const root = fileURLToPath(new URL("..", import.meta.url));
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: root,
});
const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
const server = join(folder, "port-server");
execFileSync("cc", ["-O1", "-static", "-o", server, join(root, "test/programs/port-server.c")]);
const empty = scratchFile("empty.cjs");
writeFileSync(empty, "");

/** A kept program, what its keeper tells, and its end. */
function keep(...command) {
  const words = [join(root, "build/test/programs/keep.js"), "{}", ...command];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit", "pipe", "pipe"] });
  const events = [];
  createInterface({ input: child.stdio[3] }).on("line", (line) => events.push(JSON.parse(line)));
  const told = async (kind, count) => {
    while (events.filter((event) => event.kind === kind).length < count) await sleep(5);
    return events.filter((event) => event.kind === kind)[count - 1];
  };
  const end = () => {
    child.kill("SIGTERM");
    return new Promise((resolve) => child.on("exit", resolve));
  };
  return { pid: child.pid, told, end };
}

function ask(port = PORT) {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write("x\n"));
    socket.on("data", (bytes) => (answer += bytes));
    socket.on("error", reject);
    socket.on("close", () => (answer === "" ? reject(new Error("no answer")) : resolve()));
  });
}

const kept = keep(server, String(PORT), String(START_MS));
await kept.told("listening", 1);
const restarts = [];
for (let life = 1; life <= KILLS; life++) {
  const { pid } = await kept.told("started", life);
  await kept.told("ready", life + 1);
  await sleep(50);
  await ask();
  const from = performance.now();
  process.kill(pid, "SIGKILL");
  // A process that is being killed may accept one more connection, and resets it.
  while (
    !(await ask().then(
      () => true,
      () => false,
    ))
  );
  restarts.push(performance.now() - from);
}
const status = readFileSync(`/proc/${kept.pid}/status`, "utf8");
const residentMB = Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1000;
await kept.end();

/** Requests in a round, by clients that ask one after the other. */
async function rate(port) {
  let count = 0;
  const end = performance.now() + ROUND_MS;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (performance.now() < end) {
        await ask(port);
        count++;
      }
    }),
  );
  return count;
}

const ratios = [];
for (let round = 0; round < ROUNDS; round++) {
  // Alone it could not have the port again: the connections before are in TIME-WAIT.
  const port = PORT + 1 + round;
  const alone = spawn(server, [String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => alone.stdout.once("data", resolve));
  await rate(port);
  const without = await rate(port);
  alone.kill("SIGKILL");
  await new Promise((resolve) => alone.on("exit", resolve));
  const keeper = keep(server, String(PORT));
  await keeper.told("listening", 1);
  await keeper.told("ready", 2);
  await rate(PORT);
  const within = await rate(PORT);
  await keeper.end();
  ratios.push(within / without);
}
rmSync(folder, { recursive: true });

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const { empty: emptyMs } = medians({ empty: [process.execPath, empty] }, { runs: 21 });
say(`empty   ${emptyMs.toFixed(1)} ms`);
say(`restart ${middle(restarts).toFixed(1)} ms, the longest of ${KILLS} ${Math.max(...restarts).toFixed(1)} ms`);
judge("SIGKILL to first answer against an empty program", middle(restarts) / emptyMs, TARGET_RESTART);
judge("the keeper's resident MB", residentMB, TARGET_MB, 0);
say(`requests of a kept server against alone: ${middle(ratios).toFixed(3)}, target at least ${TARGET_RATE}`);
