import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../../../test/kernel/until.ts";
import type { Surroundings } from "../host.ts";
import { readLinkByFs } from "./read-file.ts";
import { readSurroundings } from "./surroundings.ts";

const read = (pid: number): Surroundings => readSurroundings(pid, readLinkByFs)!;

async function withFolder(
  run: (folder: string, start: (command: string, cwd: string) => Promise<ChildProcess>) => Promise<void>,
): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "portmortem-place-")));
  const started: ChildProcess[] = [];
  try {
    await run(folder, async (command, cwd) => {
      const child = spawn("sh", ["-c", command], { cwd, stdio: ["ignore", "pipe", "ignore"] });
      started.push(child);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      return child;
    });
  } finally {
    for (const child of started) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
}

test("readSurroundings() tells the parent, the directory and the program of a process", () =>
  withFolder(async (folder, start) => {
    const child = await start("echo; exec sleep 60", folder);
    const place = read(child.pid!);
    assert.equal(place.parentPid, process.pid);
    assert.deepEqual([place.directory, place.directoryGone], [folder, false]);
    assert.match(place.executable ?? "", /\/(sleep|coreutils|busybox)$/);
    assert.equal(place.executableGone, false);
    assert.equal(place.sourceTree, undefined);
  }));

test("readSurroundings() tells a directory that is gone", () =>
  withFolder(async (folder, start) => {
    const inner = join(folder, "gone");
    mkdirSync(inner);
    const child = await start("echo; exec sleep 60", inner);
    rmSync(inner, { recursive: true });
    const { directory, directoryGone, sourceTree } = read(child.pid!);
    assert.deepEqual([directory, directoryGone, sourceTree], [inner, true, undefined]);
  }));

test("readSurroundings() tells the tree of sources above the directory", () =>
  withFolder(async (folder, start) => {
    const inner = join(folder, "project/src/server");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(folder, "project/package.json"), "{}");
    const child = await start("echo; exec sleep 60", inner);
    assert.equal(read(child.pid!).sourceTree, join(folder, "project"));
  }));

/** A process whose starter has ended, and whose session's leader has too. */
function leaveBehind(): number {
  const { stdout } = spawnSync("setsid", ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"], { encoding: "utf8" });
  return Number(stdout);
}

test("readSurroundings() tells a process that is still its starter's", async () => {
  // A session of its own: that of the tests can belong to another pid namespace, where nothing can be told of it.
  const shell = spawn("sh", ["-c", "sleep 60 >/dev/null & echo $!; wait"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const [output] = (await once(shell.stdout, "data")) as [Buffer];
    const place = read(Number(output.toString()));
    assert.deepEqual([place.parentPid, place.adopted, place.sessionLeaderGone], [shell.pid, false, false]);
  } finally {
    process.kill(-shell.pid!, "SIGKILL");
  }
});

test("readSurroundings() tells a process that was adopted, and whose session has lost its leader", () => {
  const pid = leaveBehind();
  try {
    const place = read(pid);
    assert.notEqual(place.parentPid, process.pid);
    assert.deepEqual([place.adopted, place.sessionLeaderGone], [true, true]);
    assert.notEqual(place.terminal, "controlling");
  } finally {
    process.kill(pid, "SIGKILL");
  }
});

/** Runs a command on a terminal of its own, by script(1), until it prints a pid. */
async function onTerminal(
  command: string,
  run: (pid: number, end: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const script = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
  const gone = once(script, "exit");
  const [text] = (await once(script.stdout, "data")) as [Buffer];
  const pid = Number(/pid (\d+)/.exec(text.toString())?.[1]);
  assert.ok(pid > 0, text.toString());
  try {
    await run(pid, async () => {
      script.kill("SIGKILL");
      await gone;
    });
  } finally {
    process.kill(pid, "SIGKILL");
    script.kill("SIGKILL");
  }
}

test("readSurroundings() tells a controlling terminal, and one that is gone", () =>
  // It takes no notice when it is hung up.
  onTerminal("sh -c 'trap \"\" HUP; echo pid $$; exec sleep 60'", async (pid, end) => {
    assert.equal(read(pid).terminal, "controlling");
    await end();
    await until("the terminal is gone", () => read(pid).terminal === "gone");
  }));

test("readSurroundings() is undefined for a process that is gone", () => {
  const { pid } = spawnSync("true");
  assert.equal(readSurroundings(pid, readLinkByFs), undefined);
});

test("readSurroundings() leaves out what may not be looked at", () => {
  const place = readSurroundings(process.pid, () => 13)!;
  assert.deepEqual(
    Object.keys(place).filter((key) => /directory|executable|sourceTree/i.test(key)),
    [],
  );
  assert.notEqual(place.terminal, "none");
});
