// Targets: `portmortem drop 'state time-wait' --yes` of 100 000 TIME-WAIT sockets takes at most 0.25 of `ss -K -t state time-wait` into a
// file, whole processes; and who is served by this machine meanwhile notices little: p99 of a request loop beside it is at most twice that
// of the same loop alone.
// Last: 0.11 (429 ms against 3772) and 6.1 (1448 µs against 238): MISSED. On a machine with other work to do it was 1.5 (737 µs against 491). Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cli, environment, judge, lastOutput, median, say, sayMachine, timeOnce } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";
import { allowTimeWait, countTimeWait, makeTimeWait } from "./scene/time-wait.mjs";

const SOCKETS = 100_000;
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const TARGET = 0.25;
const TARGET_P99 = 2;

inOwnNetns(import.meta.url);
sayMachine();
allowTimeWait(SOCKETS);

const ours = [process.execPath, cli, "drop", "state time-wait", "--yes", "--json"];
const times = { ours: [], ss: [] };
for (let run = -1; run < RUNS; run++) {
  for (const name of run % 2 === 0 ? ["ours", "ss"] : ["ss", "ours"]) {
    fill();
    const took = timeOnce(name === "ours" ? ours : ["ss", "-K", "-t", "state", "time-wait"]);
    if (name === "ours" && JSON.parse(lastOutput()).gone !== SOCKETS) throw new Error(lastOutput().slice(0, 500));
    if (countTimeWait() > 0) throw new Error(`${name} left ${countTimeWait()} sockets`);
    if (run >= 0) times[name].push(took);
  }
}
const [mine, theirs] = [median(times.ours), median(times.ss)];
say(`${SOCKETS} TIME-WAIT: drop --yes ${mine.toFixed(0)} ms, ss -K ${theirs.toFixed(0)} ms`);
judge("drop --yes against ss -K", mine / theirs, TARGET);

const alone = [];
const beside = [];
for (let run = 0; run < RUNS; run++) {
  // First the loop: once the scene is made, every port has been asked for in a bind(), and connect() takes none of those.
  const loop = startLoop();
  await loop.ready;
  fill();
  const before = await loop.during(() => new Promise((resolve) => setTimeout(resolve, 500)));
  const meanwhile = await loop.during(async () => {
    const child = spawn(ours[0], ours.slice(1), { stdio: "ignore", env: environment });
    await once(child, "exit");
  });
  loop.stop();
  alone.push(before.p99);
  beside.push(meanwhile.p99);
}
say(
  `p99 of a request: alone ${median(alone).toFixed(0)} µs, while 100 000 are dropped ${median(beside).toFixed(0)} µs`,
);
judge("p99 beside drop against p99 alone", median(beside) / median(alone), TARGET_P99);

function fill() {
  makeTimeWait(SOCKETS - countTimeWait(), 1);
  if (countTimeWait() !== SOCKETS) throw new Error(`${countTimeWait()} TIME-WAIT sockets`);
}

/** A server and its client in two processes, one request after the other; told when to begin and to end a measurement. */
function startLoop() {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./scene/request-loop.mjs", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  return {
    ready: next(),
    during: async (work) => {
      child.stdin.write("begin\n");
      await work();
      child.stdin.write("end\n");
      return next();
    },
    stop: () => child.kill("SIGKILL"),
  };
}
