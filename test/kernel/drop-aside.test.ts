// `portmortem drop` of many keeps out of the way of whoever is served by this machine: one processor for all its threads, a low priority.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "node:test";
import type { DropResult } from "../../src/tcp/drop-result.ts";
import { CLI, story } from "./story.ts";
import { until } from "./until.ts";

const MANY = 20_000;

/** Of each of its threads: nice, and the processors that it may use. */
function threadsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    return `${getPriority(Number(thread))} ${/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1]}`;
  });
}

test(
  "each thread of it has the priority and the one processor, also those that were there before and those that come later",
  story(async (s) => {
    s.system("sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=100000");
    await s.actor().call("timeWaits", { address: "127.0.0.1", port: 2000, count: MANY });
    const child = spawn(process.execPath, [CLI, "drop", "state time-wait", "--yes", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    s.atEnd(() => child.kill("SIGKILL"));
    const ended = once(child, "close");
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    const { pid = -1 } = child;
    const before = `${getPriority()} ${/^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`;
    const threads = await until("it stands aside", () => {
      const [first, ...more] = threadsOf(pid);
      return first !== undefined && /^10 \d+$/.test(first) && more.every((one) => one === first) && [first, ...more];
    });
    assert.ok(threads.length > 1, "V8's helpers");
    assert.equal(
      before,
      `${getPriority()} ${/^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`,
    );
    await ended;
    const { matched, dropped, gone } = JSON.parse(text) as DropResult;
    assert.deepEqual([matched, dropped, gone], [MANY, MANY, MANY]);
  }),
);
