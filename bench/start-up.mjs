// Target: `portmortem --version` takes at most 1.25 of an empty Node program, `portmortem ls` with ten sockets at most 1.6, and `npm start`'s
// script adds less than 100 ms to the built command.
// Last: 1.05 and 1.61 (36 and 56 ms against 35), 21 ms; before, 1.56 to 1.64 in seven runs. `ls` stands at its target and misses it in half of the runs: of what it
// adds, a third is parsing and compiling, a third finding the owners among 70 processes, all in code that runs once. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { cli, judge, medians, say, sayMachine, scratchFile } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";

const SOCKETS = 10;
const TARGET_VERSION = 1.25;
const TARGET_LS = 1.6;
const TARGET_START_MS = 100;

inOwnNetns(import.meta.url);
sayMachine();
const empty = scratchFile("empty.cjs");
writeFileSync(empty, "");
const servers = Array.from({ length: SOCKETS }, (_, index) => createServer().listen(9000 + index, "127.0.0.1"));
const start = fileURLToPath(new URL("../scripts/start.mjs", import.meta.url));
const times = medians(
  {
    empty: [process.execPath, empty],
    version: [process.execPath, cli, "--version"],
    ls: [process.execPath, cli, "ls"],
    start: [process.execPath, start, "--version"],
  },
  { runs: 41 },
);
for (const server of servers) server.close();
for (const [name, ms] of Object.entries(times)) say(`${name.padEnd(8)}${ms.toFixed(1)} ms`);
judge("--version against an empty program", times.version / times.empty, TARGET_VERSION);
judge("ls against an empty program", times.ls / times.empty, TARGET_LS);
judge("npm start's share in ms", times.start - times.version, TARGET_START_MS, 0);
