/** `portmortem …` while it is at work: what it has said so far, signals to it, a terminal that it sits on and that can go away. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { HowItEnds } from "../programs/server-asked-to-end.ts";
import type { Program, ProgramOptions } from "./actor.ts";
import { CLI } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

export interface Started {
  readonly pid: number;
  /** All that it wrote to stdout so far; on a terminal: all that was on the screen. */
  readonly said: () => string;
  readonly warned: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Its exit status; undefined: a signal ended it. */
  readonly ended: Promise<number | undefined>;
}

export interface OnTerminal extends Started {
  readonly type: (text: string) => void;
  /** The terminal goes away: the kernel sends SIGHUP, and whoever writes to it gets EIO. */
  readonly hangUp: () => void;
  /** The pid of the command itself; `pid` is that of script(1). */
  readonly commandPid: () => number;
}

/** Off a terminal. */
export function startCommand(s: Story, args: readonly string[]): Started {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  return watched(s, child);
}

/** On a terminal of its own, made by script(1). Needs `SCRIPT` of needs.ts. */
export function startOnTerminal(s: Story, args: string, columns = 80): OnTerminal {
  const typed = `stty cols ${columns} rows 24; exec ${process.execPath} ${CLI} ${args}`;
  const child = spawn("script", ["-qec", typed, "/dev/null"], {
    env: { ...process.env, SHELL: "/bin/sh", NO_COLOR: "1" },
    stdio: "pipe",
  });
  child.stdin.on("error", () => undefined);
  return {
    ...watched(s, child),
    type: (text) => void child.stdin.write(text),
    hangUp: () => void child.kill("SIGKILL"),
    commandPid: () => Number(s.system("pgrep", "-P", String(child.pid)).trim()),
  };
}

function watched(s: Story, child: ChildProcess): Started {
  s.atEnd(() => child.kill("SIGKILL"));
  let said = "";
  let warned = "";
  child.stdout?.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  child.stderr?.setEncoding("utf8").on("data", (piece: string) => (warned += piece));
  return {
    pid: child.pid ?? -1,
    said: () => said,
    warned: () => warned,
    signal: (name) => void child.kill(name),
    ended: new Promise((resolve) => child.on("close", (status) => resolve(status ?? undefined))),
  };
}

/** A server of test/programs/server-asked-to-end.ts, which listens when this returns. */
export async function startServer(
  s: Story,
  port: number,
  how: HowItEnds,
  options: ProgramOptions = {},
): Promise<Program> {
  const server = s.program("server-asked-to-end", [String(port), how], options);
  assert.match(await server.line(), /^\d+$/);
  return server;
}

/** The signals that a process catches (SigCgt): Node catches SIGINT from the start, SIGHUP only we. */
export function catchesHangup(pid: number): boolean {
  const caught = /^SigCgt:\s+([0-9a-f]+)/m.exec(statusOf(pid))?.[1] ?? "0";
  return (BigInt(`0x${caught}`) & 1n) !== 0n;
}

/** As /proc/PID/stat has it; "Z" for one that nobody has reaped, "" for one that is gone. */
export function stateOf(pid: number): string {
  return /^State:\s+(\S)/m.exec(statusOf(pid))?.[1] ?? "";
}

export function isAlive(pid: number): boolean {
  return !["", "Z", "X"].includes(stateOf(pid));
}

/** SIGKILL when the test is over, for a process that is nobody's child here. */
export function endAtLast(s: Story, pid: number): void {
  s.atEnd(() => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });
}

export async function hasEnded(pid: number): Promise<void> {
  await until(`pid ${pid} has ended`, () => !isAlive(pid));
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}
