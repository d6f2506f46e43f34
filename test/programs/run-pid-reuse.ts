/**
 * A run whose keeper and program are dead, and whose pids two others have by now; stopRuns() is asked to end it: `run-pid-reuse.js FOLDER`. For a
 * pid namespace of its own, where no other program takes pids. Prints the answer, and whether the two live.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stopRuns } from "../../src/keep/stop-runs.ts";
import type { RecordedRun } from "./recorded-run.ts";

const [, , folder = ""] = process.argv;
const MOST_TRIES = 100;
const SCRIPT = join(import.meta.dirname, "recorded-run.js");

const keeper = spawn(process.execPath, [SCRIPT, JSON.stringify({ folder, name: "api" }), "sleep", "1000"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const run = JSON.parse(
  await new Promise<string>((resolve) => createInterface(keeper.stdout).once("line", resolve)),
) as RecordedRun;
const path = join(folder, `${run.id}.json`);
const text = readFileSync(path, "utf8");
// The program first: it is its keeper that waits for it, and gives its number free.
process.kill(run.program, "SIGKILL");
while (existsSync(`/proc/${run.program}`)) await new Promise((resolve) => setTimeout(resolve, 2));
keeper.kill("SIGKILL");
await once(keeper, "exit");
// Start times are in hundredths of a second: others of the same one would not be told apart.
const others = [await withPid(run.keeper), await withPid(run.program)];
assert.deepEqual(
  others.map(({ pid }) => pid),
  [run.keeper, run.program],
);
assert.equal(readFileSync(path, "utf8"), text);
const result = await stopRuns({ folder, all: true, graceMs: 200 });
const alive = others.map(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
for (const other of others) other.kill("SIGKILL");
process.stdout.write(`${JSON.stringify({ result, alive })}\n`);

/** The kernel gives the next pid above the last one; our own threads take some too. */
async function withPid(pid: number): Promise<ChildProcess> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const other = spawn("sleep", ["1000"], { stdio: "ignore" });
    if (other.pid === pid) return other;
    other.kill("SIGKILL");
    await once(other, "exit");
  }
  throw new Error(`no process got the pid ${pid}`);
}
