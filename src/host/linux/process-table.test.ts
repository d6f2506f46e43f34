import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ReadLink } from "./read-file.ts";
import { ProcessTable } from "./process-table.ts";
import type { ProcessTableOptions } from "./process-table.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Until the process says so: a signal's effect comes a moment later. */
async function eventually<T>(read: () => T | undefined): Promise<T> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const value = read();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("it did not happen within 5 s");
}

test("process() tells a real child's command, arguments, parent, user, start and namespace", async () => {
  const before = Date.now();
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const table = new ProcessTable();
    const facts = await eventually(() => {
      const read = table.process(child.pid!);
      return read?.command === "sleep" && read.args.length > 0 ? read : undefined; // execve(2) names it before it has its arguments
    });
    assert.equal(facts.pid, child.pid);
    assert.equal(facts.parentPid, process.pid);
    assert.deepEqual(facts.args, ["sleep", "60"]);
    assert.equal(facts.uid, process.geteuid!());
    assert.equal(`net:[${facts.netns}]`, readlinkSync("/proc/self/ns/net"));
    assert.ok(
      facts.startedAtMs !== undefined && Math.abs(facts.startedAtMs - before) < 2000,
      `started ${facts.startedAtMs}, now ${before}`,
    );
    assert.ok(facts.startTicks > (table.process(process.pid)?.startTicks ?? Infinity), "a child starts later");
  } finally {
    await stopped(child);
  }
});

test("process() shows a stopped process as T", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    child.kill("SIGSTOP");
    const table = new ProcessTable();
    assert.equal(await eventually(() => (table.process(child.pid!)?.state === "T" ? "T" : undefined)), "T");
  } finally {
    await stopped(child);
  }
});

test("process() is not confused by a name like `a) (b`", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pm-name-"));
  const program = join(directory, "a) (b 1 2");
  symlinkSync("/bin/sleep", program);
  const child = spawn(program, ["60"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const table = new ProcessTable();
    const facts = await eventually(() =>
      table.process(child.pid!)?.args[0] === program ? table.process(child.pid!) : undefined,
    );
    assert.equal(facts.command, "a) (b 1 2");
    assert.equal(facts.parentPid, process.pid);
  } finally {
    await stopped(child);
    rmSync(directory, { recursive: true });
  }
});

test("process() answers undefined for a process that is gone", async () => {
  const child = spawn("true", { stdio: "ignore" });
  await once(child, "exit");
  assert.equal(new ProcessTable().process(child.pid!), undefined);
});

test("processes() lists this process with its user, descriptors and namespace", () => {
  const table = new ProcessTable();
  const own = table.processes().find(({ pid }) => pid === process.pid);
  assert.ok(own !== undefined);
  assert.equal(own.uid, process.geteuid!());
  assert.equal(own.netns, table.process(process.pid)?.netns);
  if (own.fdCount !== undefined) assert.ok(own.fdCount >= 3, "stdin, stdout and stderr at least"); // told since Linux 6.2
});

test("namespaces() tells of the same processes as processes(), but for those that refuse", () => {
  const proc = mkdtempSync(join(tmpdir(), "pm-proc-"));
  try {
    for (const pid of [1, 2, 30]) mkdirSync(join(proc, String(pid), "ns"), { recursive: true });
    const roots = { ...SYSTEM_ROOTS, proc };
    const told = (readLink: ReadLink, options: ProcessTableOptions = {}): [number, number | undefined][] =>
      new ProcessTable({ roots, readLink, ...options })
        .namespaces()
        .filter(({ netns }) => netns !== undefined)
        .map(({ pid, netns }) => [pid, netns] as [number, number | undefined])
        .toSorted(([a], [b]) => a - b);
    assert.deepEqual(
      told(() => "net:[7]"),
      [
        [1, 7],
        [2, 7],
        [30, 7],
      ],
    );
    assert.deepEqual(
      told((path) => (path.includes("/2/") ? 13 : "net:[7]")),
      [
        [1, 7],
        [30, 7],
      ],
    );
    const asked: string[] = [];
    const refusing = (path: string): number => (asked.push(path), 13);
    const another = (process.geteuid?.() ?? 0) + 1;
    for (const pid of [31, 32, 33]) mkdirSync(join(proc, String(pid), "ns"), { recursive: true });
    assert.deepEqual(told(refusing, { selfUid: another }), []);
    assert.equal(asked.length, 6, "three times, and again by processes(), and the rest never");
    assert.deepEqual(told(refusing), [], "one's own are all asked");
    assert.equal(asked.length, 12);
    for (const pid of [31, 32, 33]) rmSync(join(proc, String(pid)), { recursive: true });
    rmSync(join(proc, "2"), { recursive: true });
    const gone = (path: string): string | number =>
      path.includes("/30/") ? (rmSync(join(proc, "30"), { recursive: true, force: true }), 2) : "net:[7]";
    assert.deepEqual(told(gone), [[1, 7]]);
  } finally {
    rmSync(proc, { recursive: true });
  }
});

test("processes() stops asking for namespaces of another user who refused three times", () => {
  const proc = mkdtempSync(join(tmpdir(), "pm-proc-"));
  try {
    for (let pid = 1; pid <= 10; pid++) mkdirSync(join(proc, String(pid), "ns"), { recursive: true });
    mkdirSync(join(proc, "irq"));
    let asked = 0;
    const selfUid = (process.geteuid?.() ?? 0) + 1;
    const roots = { ...SYSTEM_ROOTS, proc };
    const refusing = new ProcessTable({ roots, selfUid, readLink: () => ((asked += 1), 13) });
    assert.deepEqual(
      refusing
        .processes()
        .map(({ pid }) => pid)
        .toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    assert.equal(asked, 3);
    asked = 0;
    new ProcessTable({ roots, readLink: () => ((asked += 1), 13) }).processes();
    assert.equal(asked, 10, "one's own are all tried: some can be in another user namespace");
    const mixed = new ProcessTable({
      roots,
      selfUid,
      readLink: (path) => ((asked += 1), path.includes("/1/") ? "net:[7]" : 13),
    });
    asked = 0;
    assert.equal(mixed.processes().filter(({ netns }) => netns === 7).length, 1);
    assert.equal(asked, 10, "one success: the others of that user are tried");
  } finally {
    rmSync(proc, { recursive: true });
  }
});

test("process() joins unit, container and start from a recorded tree", () => {
  const proc = mkdtempSync(join(tmpdir(), "pm-proc-"));
  try {
    const id = "c".repeat(64);
    mkdirSync(join(proc, "812"));
    writeFileSync(join(proc, "uptime"), "5000.00 9000.00\n");
    writeFileSync(join(proc, "812/stat"), `812 (MainThread) S 1 ${"0 ".repeat(17)}123456 1 2\n`);
    writeFileSync(join(proc, "812/cmdline"), "/usr/bin/node\0server.js\0");
    writeFileSync(join(proc, "812/cgroup"), `0::/system.slice/docker-${id}.scope\n`);
    const facts = new ProcessTable({ roots: { ...SYSTEM_ROOTS, proc }, nowMs: () => 10_000_000 }).process(812);
    assert.equal(facts?.command, "node");
    assert.equal(facts?.startedAtMs, 10_000_000 - 5_000_000 + 1_234_560);
    assert.deepEqual(facts?.container, { runtime: "docker", id });
    assert.equal(facts?.unit, `docker-${id}.scope`);
    assert.equal(facts?.netns, undefined);
  } finally {
    rmSync(proc, { recursive: true });
  }
});
