// Target: `import "portmortem/graceful"`, and require() of it, take less than 5 ms in a program that has loaded node:http and one file
// already: of the processor's time, which a busy machine stretches less.
// Last: 3.88 and 2.52 ms, on a slow day of the machine. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { judge, median, sayMachine, scratchFile } from "./scene/measure.mjs";

const RUNS = 31;
const TARGET_MS = 5;
const file = (name) => fileURLToPath(new URL(`../dist/graceful/${name}`, import.meta.url));

const empty = (name) => {
  const path = scratchFile(name);
  writeFileSync(path, "");
  return JSON.stringify(path);
};

sayMachine();
const programs = {
  import: ["module", "await import", "graceful.js", empty("empty.mjs")],
  require: ["commonjs", "require", "graceful.cjs", empty("empty.cjs")],
};
for (const [name, [type, load, own, first]] of Object.entries(programs)) {
  const script = `${load}("node:http"); ${load}(${first}); const from = process.cpuUsage(); ${load}(${JSON.stringify(file(own))});
    const { user, system } = process.cpuUsage(from); process.stdout.write(String((user + system) / 1000));`;
  const times = Array.from({ length: RUNS }, () =>
    Number(execFileSync(process.execPath, [`--input-type=${type}`, "-e", script])),
  );
  judge(`${name} of portmortem/graceful in ms`, median(times), TARGET_MS);
}
