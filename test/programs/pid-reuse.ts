/**
 * free() of PORT, in whose confirm() the owner ends and another process gets its pid: `pid-reuse.js PORT OTHER_PORT`. The other one listens
 * on OTHER_PORT. For a pid namespace of its own, where no other program takes pids. Prints its answer, and how often the other was asked to end.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { free } from "../../src/act/free.ts";

type Server = ChildProcessByStdio<null, Readable, null>;

const [, , port = "", otherPort = ""] = process.argv;
const MOST_TRIES = 100;

const owner = await listening(port);
const others: Server[] = [];
const result = await free(`127.0.0.1:${port}`, {
  force: true,
  graceMs: 500,
  confirm: async (plan) => {
    assert.deepEqual(
      plan.plan.flatMap((step) => (step.kind === "signal" ? [step.pid] : [])),
      [owner.pid, owner.pid],
    );
    await killed(owner);
    others.push(await withPid(owner.pid!));
    return true;
  },
});
const [other] = others;
assert.ok(other !== undefined && other.pid === owner.pid);
assert.equal(other.exitCode ?? other.signalCode, null);
other.kill("SIGUSR2");
const asked = await lineOf(other);
other.kill("SIGKILL");
process.stdout.write(`${JSON.stringify({ result, asked, pid: owner.pid })}\n`);

async function listening(on: string): Promise<Server> {
  const script = join(import.meta.dirname, "server-asked-to-end.js");
  const server = spawn(process.execPath, [script, on, "ignores"], { stdio: ["ignore", "pipe", "inherit"] });
  assert.equal(await lineOf(server), String(server.pid));
  return server;
}

/** The kernel gives the next pid above the last one; our own threads take some too. */
async function withPid(pid: number): Promise<Server> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const server = await listening(otherPort);
    if (server.pid === pid) return server;
    await killed(server);
  }
  throw new Error(`no process got the pid ${pid}`);
}

function killed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.on("exit", () => resolve());
    server.kill("SIGKILL");
  });
}

function lineOf(server: Server): Promise<string> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: server.stdout });
    lines.once("line", (line) => {
      lines.close();
      resolve(line);
    });
  });
}
