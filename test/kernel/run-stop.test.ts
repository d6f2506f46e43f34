// Ending what was started, by pidfd and start time, and nothing else.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listRuns } from "../../src/keep/list-runs.ts";
import { stopRuns } from "../../src/keep/stop-runs.ts";
import type { StopRunsOptions } from "../../src/keep/stop-runs.ts";
import { CHOSEN_PIDS, IN_OWN_PID_NAMESPACE, SECOND_USER } from "./needs.ts";
import { RecordedRuns, killIfThere, lives } from "./recorded-runs.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const files = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".json"));
const stop = ({ folder }: RecordedRuns, options: StopRunsOptions) => stopRuns({ folder, ...options });

/** Ignores SIGTERM, and so do its two children. */
const STUBBORN = ["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000 & while :; do wait; done"];

/** `count` processes below it. */
async function childrenOf(pid: number, count: number): Promise<number[]> {
  return until(`${count} children of ${pid}`, () => {
    const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
    return pids.length === count ? pids : undefined;
  });
}

/** In the machine's first pid namespace, and no process is hidden; of the first one it is known where it is. */
function seesAllProcesses(): boolean {
  const others = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== "1");
  return (
    readlinkSync("/proc/self/ns/pid") === "pid:[4026531836]" &&
    others.every((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/pid`) !== "";
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ENOENT";
      }
    })
  );
}

test(
  "a run is stopped by its name, its port or its id; the others run on",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const api = await runs.started({ name: "api", port: 49_200 });
    const web = await runs.started({ name: "web", port: 49_201 });
    const job = await runs.started({ name: "job" });
    const rest = await runs.started({ name: "rest" });
    const { stopped, notFound, failed, incomplete } = await stop(runs, {
      names: ["api", job.id],
      ports: [49_201],
    });
    assert.deepEqual([notFound, failed, incomplete], [[], [], []]);
    assert.deepEqual(new Set(stopped.map(({ name }) => name)), new Set(["api", "job", "web"]));
    assert.ok(stopped.every(({ killed, text }) => !killed && text === "its keeper ended it"));
    for (const { keeper, program } of [api, web, job])
      assert.deepEqual([lives(keeper), lives(program)], [false, false]);
    assert.deepEqual([lives(rest.keeper), lives(rest.program)], [true, true]);
    assert.deepEqual(files(runs.folder), [`${rest.id}.json`]);
  }),
);

test(
  "all of them are stopped at once, and none is no failure",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const started = await Promise.all([runs.started(), runs.started(), runs.started()]);
    const bystander = s.child("sleep", ["1000"]);
    assert.equal((await stop(runs, { all: true })).stopped.length, 3);
    for (const { program } of started) assert.equal(lives(program), false);
    assert.ok(lives(bystander.pid));
    assert.deepEqual(await stop(runs, { all: true }), { stopped: [], notFound: [], failed: [], incomplete: [] });
  }),
);

test(
  "an unknown name suggests the near one, an unknown port is told",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const { program } = await runs.started({ name: "api-server" });
    assert.deepEqual((await stop(runs, { names: ["api-sevrer", "zzz"], ports: [80] })).notFound, [
      { name: "api-sevrer", nearest: "api-server", text: "no run is called api-sevrer; did you mean api-server?" },
      { name: "zzz", text: "no run is called zzz" },
      { port: 80, text: "no run keeps port 80" },
    ]);
    assert.ok(lives(program));
    await assert.rejects(stop(runs, {}), /no run was named/);
  }),
);

test(
  "the program of a keeper that was killed is ended with all that is below it",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({}, ["sh", "-c", "sleep 1000 & setsid sleep 1000 & wait"]);
    const below = await childrenOf(run.program, 2);
    await run.process.kill();
    const { stopped } = await stop(runs, { all: true });
    assert.deepEqual(
      stopped.map(({ killed, text }) => [killed, text]),
      [[false, "its keeper was dead; it was ended by SIGTERM"]],
    );
    for (const pid of [run.program, ...below]) assert.equal(lives(pid), false);
    assert.deepEqual(files(runs.folder), []);
  }),
);

test(
  "who ignores SIGTERM is killed after the grace, its children too",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({ graceMs: 100 }, STUBBORN);
    const below = await childrenOf(run.program, 2);
    await run.process.kill();
    const { stopped } = await stop(runs, { all: true });
    assert.deepEqual(
      stopped.map(({ killed }) => killed),
      [true],
    );
    for (const pid of [run.program, ...below]) assert.equal(lives(pid), false);
  }),
);

test(
  "a keeper that does not end is killed, and then its program is ended",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({ deaf: true, graceMs: 50 }, ["sh", "-c", "sleep 1000 & wait"]);
    const below = await childrenOf(run.program, 1);
    const { stopped } = await stop(runs, { names: [run.name] });
    assert.match(stopped[0]!.text, /still there 2 s after the grace of 50 ms, and was killed/);
    assert.equal(stopped[0]!.killed, true);
    for (const pid of [run.keeper, run.program, ...below]) assert.equal(lives(pid), false);
    assert.deepEqual(files(runs.folder), []);
  }),
);

test(
  "a keeper that is stopped is let go on, to end its program",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({ graceMs: 5000 });
    run.process.signal("SIGSTOP");
    await until("it is stopped", () => / T /.test(readFileSync(`/proc/${run.keeper}/stat`, "utf8")));
    assert.equal((await stop(runs, { all: true })).stopped[0]!.text, "its keeper ended it");
  }),
);

test(
  "what a keeper leaves is ended too",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({ careless: true });
    assert.equal(
      (await stop(runs, { all: true })).stopped[0]!.text,
      "its keeper ended and left it; it was ended by SIGTERM",
    );
    assert.equal(lives(run.program), false);
    assert.deepEqual(files(runs.folder), []);
  }),
);

test(
  "an interrupted stop kills nobody, and says what was not waited for",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({ deaf: true, graceMs: 60_000 });
    const aborting = new AbortController();
    const { failed, stopped } = await stop(runs, {
      all: true,
      signal: aborting.signal,
      onWaiting: () => aborting.abort(),
    });
    assert.deepEqual(stopped, []);
    assert.match(failed[0]!.text, /SIGTERM was sent; whether it ends was not waited for/);
    assert.deepEqual([lives(run.keeper), lives(run.program)], [true, true]);
  }),
);

test(
  "a record whose pids are others' by now ends nobody",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started();
    const bystander = s.child("sleep", ["1000"]);
    const path = join(runs.folder, `${run.id}.json`);
    const record = JSON.parse(readFileSync(path, "utf8")) as { keeper: object; program: object };
    // The numbers of living processes, with the start times of those that had them before.
    const other = {
      ...record,
      keeper: { ...record.keeper, pid: bystander.pid },
      program: { ...record.program, pid: 1 },
    };
    await run.process.kill();
    killIfThere(run.program);
    await until("it is dead", () => !lives(run.program));
    writeFileSync(path, JSON.stringify(other));
    assert.deepEqual((await stop(runs, { all: true })).stopped, []);
    assert.ok(lives(bystander.pid));
    assert.deepEqual(files(runs.folder), [], "it was stale");
  }),
);

test(
  "processes that have the pids of a dead run by now are left alone",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const asked = s.program("run-pid-reuse", [runs.folder], { under: IN_OWN_PID_NAMESPACE });
    const { result, alive } = JSON.parse(await asked.line()) as { result: unknown; alive: boolean[] };
    assert.deepEqual(result, { stopped: [], notFound: [], failed: [], incomplete: [] });
    assert.deepEqual(alive, [true, true]);
    assert.deepEqual(files(runs.folder), [], "the record was stale");
  }, CHOSEN_PIDS),
);

test(
  "a record of another pid namespace is not taken for stale, and not stopped from here",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const inside = runs.start({ name: "inner" }, ["sleep", "1000"], {
      under: IN_OWN_PID_NAMESPACE,
    });
    await inside.line();
    const outer = await runs.started({ name: "outer" });
    const { runs: listed } = await listRuns({ folder: runs.folder });
    assert.deepEqual(
      listed.map(({ name, state }) => [name, state]),
      [
        ["inner", "elsewhere"],
        ["outer", "kept"],
      ],
    );
    const { failed } = await stop(runs, { names: ["inner"] });
    assert.match(failed[0]!.text, /another pid namespace/);
    const all = await stop(runs, { all: true });
    assert.deepEqual(
      [all.stopped.map(({ name }) => name), all.failed, all.incomplete.map(({ what }) => what)],
      [["outer"], [], ["inner"]],
    );
    assert.equal(lives(outer.program), false);
    assert.equal(files(runs.folder).length, 1);
    await inside.kill();
    const left = async (): Promise<number> => (await listRuns({ folder: runs.folder })).runs.length;
    // From inside a container nobody can tell.
    if (!seesAllProcesses()) assert.equal(await left(), 1);
    else await until("its namespace has ended, and the record is stale", async () => (await left()) === 0);
    assert.equal(files(runs.folder).length, await left());
  }, CHOSEN_PIDS),
);

test(
  "another user's process is not signalled: the right that is missing is told",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started();
    const folder = join(runs.folder, "theirs");
    s.system("install", "-d", "-m", "700", "-o", "65534", folder);
    const name = `${run.id}.json`;
    s.system("install", "-m", "600", "-o", "65534", join(runs.folder, name), join(folder, name));
    s.system("chmod", "755", runs.folder);
    const asked = s.program("stop-runs", [folder], { uid: 65_534, gid: 65_534, cwd: "/" });
    const { stopped, failed } = JSON.parse(await asked.line()) as Awaited<ReturnType<typeof stopRuns>>;
    assert.deepEqual(stopped, []);
    assert.deepEqual(failed, [
      {
        id: run.id,
        name: "sleep",
        lacks: "right",
        errno: "EPERM",
        text: `pid ${run.keeper}: another user's, this user may not signal it`,
      },
    ]);
    assert.deepEqual([lives(run.keeper), lives(run.program)], [true, true]);
    assert.deepEqual(files(folder), [name]);
  }, SECOND_USER),
);
