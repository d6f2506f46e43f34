// Target: `import "portmortem/graceful"`, and require() of it, take less than 5 ms in a program that has node:http already.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { judge, median, say, sayMachine } from "./scene/measure.mjs";

const RUNS = 31;
const TARGET_MS = 5;
const file = (name) => fileURLToPath(new URL(`../dist/graceful/${name}`, import.meta.url));

sayMachine();
const programs = {
  import: ["--input-type=module", `await import(${JSON.stringify(file("graceful.js"))})`],
  require: ["--input-type=commonjs", `require(${JSON.stringify(file("graceful.cjs"))})`],
};
for (const [name, [type, load]] of Object.entries(programs)) {
  const http = type.endsWith("module") ? 'await import("node:http")' : 'require("node:http")';
  const script = `${http}; const from = performance.now(); ${load}; process.stdout.write(String(performance.now() - from));`;
  const times = Array.from({ length: RUNS }, () => Number(execFileSync(process.execPath, [type, "-e", script])));
  say(`${name.padEnd(8)} ${median(times).toFixed(2)} ms`);
  judge(`${name} of portmortem/graceful in ms`, median(times), TARGET_MS);
}
