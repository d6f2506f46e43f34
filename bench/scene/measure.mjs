// Whole processes against each other: started in turns, so that a busy minute of the machine hits both; medians; a ratio for a verdict.
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const cli = fileURLToPath(new URL("../../dist/cli.cjs", import.meta.url));
const peakReporter = fileURLToPath(new URL("./report-peak.cjs", import.meta.url));

/** Without it: Node reads a whole certificate store at each start where it is set, 50 ms and more. */
export const environment = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };

const scratch = mkdtempSync(join(tmpdir(), "portmortem-bench-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

export function scratchFile(name) {
  return join(scratch, name);
}

/** Milliseconds of one run, its output into a file of its own. `statuses` are the right ones (lsof and `why` have more than 0). */
export function timeOnce([command, ...args], statuses = [0]) {
  const out = openSync(scratchFile("out"), "w");
  try {
    const started = performance.now();
    const { status, error, stderr } = spawnSync(command, args, {
      stdio: ["ignore", out, "pipe"],
      env: environment,
      encoding: "utf8",
    });
    const took = performance.now() - started;
    if (error !== undefined) throw error;
    if (!statuses.includes(status)) throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
    return took;
  } finally {
    closeSync(out);
  }
}

/** What the last `timeOnce` wrote. */
export function lastOutput() {
  return readFileSync(scratchFile("out"), "utf8");
}

/**
 * `commands` by name → their medians by name. The order turns round after each run; one round before them warms up. `check` looks at the
 * output of the command with its name; `before` sets the scene for each run.
 */
export function medians(commands, { runs = 15, statuses = [0], check = {}, before = () => undefined } = {}) {
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let run = -1; run < runs; run++) {
    const names = Object.keys(commands);
    if (run % 2 !== 0) names.reverse();
    for (const name of names) {
      before();
      const took = timeOnce(commands[name], statuses);
      check[name]?.();
      if (run >= 0) times[name].push(took);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The largest resident set of a Node program, in MB, as the kernel counted it (ru_maxrss). */
export function peakMegabytes(args) {
  const out = openSync(scratchFile("out"), "w");
  const report = openSync(scratchFile("peak"), "w");
  try {
    spawnSync(process.execPath, ["--require", peakReporter, ...args], {
      stdio: ["ignore", out, "inherit", report],
      env: environment,
    });
  } finally {
    closeSync(out);
    closeSync(report);
  }
  return Number(readFileSync(scratchFile("peak"), "utf8")) / 1024;
}

export function sayMachine() {
  process.stdout.write(
    `Linux ${release()}, ${cpus()[0]?.model ?? "?"} x ${cpus().length}, Node ${process.version}; NODE_EXTRA_CA_CERTS is unset\n`,
  );
}

/** One line of result; the exit status is 1 when any of them misses its target. */
export function judge(what, value, target, digits = 2) {
  const met = value <= target;
  process.stdout.write(`${met ? "ok    " : "MISSED"} ${what}: ${value.toFixed(digits)}, target <= ${target}\n`);
  if (!met) process.exitCode = 1;
}

export function say(text) {
  process.stdout.write(`${text}\n`);
}
