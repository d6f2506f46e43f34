// Target: from SIGKILL to the first answered request of a server that itself needs 5 ms to start, without a pause before the restart, at most
// 1.0 of an empty Node program; the keeper takes at most 80 MB; a kept server answers at least 0.98 of the requests that it answers alone.
// Last: 0.39 (16.2 ms against 41.4; in other runs up to 0.83), 57 MB, 1.058. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cliFile } from "../scripts/freshness.mjs";
import { judge, medians, say, sayMachine, scratchFile } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";

const KILLS = 41;
const START_MS = 5;
const PORT = 49_200;
const ROUNDS = 5;
const ROUND_SECONDS = 2;
const TARGET_RESTART = 1.0;
const TARGET_MB = 80;
const TARGET_RATE = 0.98;

inOwnNetns(import.meta.url);
sayMachine();
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
const server = join(folder, "port-server");
execFileSync("cc", ["-O1", "-static", "-o", server, join(root, "test/programs/port-server.c")]);
const empty = scratchFile("empty.cjs");
writeFileSync(empty, "");
const web = scratchFile("web.cjs");
writeFileSync(
  web,
  `require("node:http").createServer((_, response) => response.end("hello")).listen(+process.argv[2], () => console.log("listening"));`,
);

/** A kept program, what its keeper tells, and its end. */
function keep(...command) {
  const words = [cliFile, "run", "--json", "--backoff", "0ms", "--", ...command];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
  const events = [];
  createInterface({ input: child.stderr }).on("line", (line) => events.push(JSON.parse(line)));
  const told = async (event, count) => {
    while (events.filter((one) => one.event === event).length < count) await sleep(5);
    return events.filter((one) => one.event === event)[count - 1];
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

/** Requests a second, by wrk: 16 connections that are kept. */
function rate() {
  const words = ["-t1", "-c16", `-d${ROUND_SECONDS}s`, `http://127.0.0.1:${PORT}/`];
  return Number(/Requests\/sec: +([\d.]+)/.exec(execFileSync("wrk", words, { encoding: "utf8" }))[1]);
}

async function rateAlone() {
  const alone = spawn(process.execPath, [web, String(PORT)], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => alone.stdout.once("data", resolve));
  rate();
  const rounds = Array.from({ length: 3 }, rate);
  alone.kill("SIGKILL");
  await new Promise((resolve) => alone.on("exit", resolve));
  return middle(rounds);
}

async function rateKept() {
  const keeper = keep(process.execPath, web, String(PORT));
  await keeper.told("listening", 1);
  await keeper.told("ready", 2);
  rate();
  const rounds = Array.from({ length: 3 }, rate);
  await keeper.end();
  return middle(rounds);
}

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const ratios = [];
for (let round = 0; round < ROUNDS; round++) {
  const without = await rateAlone();
  ratios.push((await rateKept()) / without);
}
rmSync(folder, { recursive: true });

const { empty: emptyMs } = medians({ empty: [process.execPath, empty] }, { runs: 21 });
say(`empty   ${emptyMs.toFixed(1)} ms`);
say(`restart ${middle(restarts).toFixed(1)} ms, the longest of ${KILLS} ${Math.max(...restarts).toFixed(1)} ms`);
judge("SIGKILL to first answer against an empty program", middle(restarts) / emptyMs, TARGET_RESTART);
judge("the keeper's resident MB", residentMB, TARGET_MB, 0);
say(`requests of a kept server against alone: ${middle(ratios).toFixed(3)}, target at least ${TARGET_RATE}`);
