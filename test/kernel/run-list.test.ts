// The records of runs, with processes that live, die, and are killed.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PortmortemError } from "../../src/base/errors.ts";
import { listRuns } from "../../src/keep/list-runs.ts";
import { openRunRecord } from "../../src/keep/run-record.ts";
import type { RecordedRun } from "../programs/recorded-run.ts";
import { RecordedRuns, killIfThere, lives } from "./recorded-runs.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const files = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".json"));

test(
  "a run is listed with its program, its ports and how long it is up, and no more when it has ended",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started({ port: 49_200 });
    const { runs: listed, incomplete } = await listRuns({ folder: runs.folder });
    assert.deepEqual(incomplete, []);
    assert.equal(listed.length, 1);
    const { id, upMs, startedAt, cwd, ...rest } = listed[0]!;
    assert.equal(id, run.id);
    assert.ok(upMs >= 0 && upMs < 60_000 && startedAt.endsWith("Z") && cwd.startsWith("/"));
    assert.deepEqual(rest, {
      name: "sleep",
      state: "kept",
      keeper: { pid: run.keeper },
      program: { pid: run.program },
      command: "sleep",
      args: ["1000"],
      ports: [{ protocol: "tcp", address: "127.0.0.1", port: 49_200 }],
      mode: "plain",
      restarts: 0,
    });
    run.process.signal("SIGTERM");
    await until("its record is gone", () => files(runs.folder).length === 0);
    assert.deepEqual(await listRuns({ folder: runs.folder }), { runs: [], incomplete: [] });
  }),
);

test(
  "a record whose keeper and program were killed is stale, and removed by who reads it",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const [dead, living] = [await runs.started(), await runs.started()];
    assert.deepEqual([dead.name, living.name], ["sleep", "sleep-2"]);
    await dead.process.kill();
    killIfThere(dead.program);
    await until("the program is dead", () => !lives(dead.program));
    assert.equal(files(runs.folder).length, 2);
    const { runs: listed } = await listRuns({ folder: runs.folder });
    assert.deepEqual(
      listed.map(({ name }) => name),
      ["sleep-2"],
    );
    assert.deepEqual(files(runs.folder), [`${living.id}.json`]);
  }),
);

test(
  "a keeper that was killed leaves a program that is kept no more",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started();
    await run.process.kill();
    const { runs: listed } = await listRuns({ folder: runs.folder });
    assert.deepEqual(
      listed.map(({ state, program }) => ({ state, program })),
      [{ state: "kept-no-more", program: { pid: run.program } }],
    );
    assert.match(listed[0]!.text!, new RegExp(`its keeper \\(pid ${run.keeper}\\) is dead`));
  }),
);

test(
  "a program that is down is not listed with a pid",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started();
    killIfThere(run.program);
    await until("it is down", async () => (await listRuns({ folder: runs.folder })).runs[0]?.state === "down");
    assert.equal("program" in (await listRuns({ folder: runs.folder })).runs[0]!, false);
  }),
);

test(
  "a name is one run's while it lives, and free again after it",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const first = await runs.started({ name: "api" });
    assert.deepEqual(JSON.parse(await runs.start({ name: "api" }).line()), { error: "PM_RUN_NAME_TAKEN" });
    await first.process.kill();
    assert.deepEqual(
      JSON.parse(await runs.start({ name: "api" }).line()),
      { error: "PM_RUN_NAME_TAKEN" },
      "its program lives",
    );
    killIfThere(first.program);
    await until("the program is dead", () => !lives(first.program));
    assert.equal((await runs.started({ name: "api" })).name, "api");
  }),
);

test(
  "of many that want a name at once one gets it, and default names do not meet",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const named = await Promise.all(Array.from({ length: 6 }, () => runs.start({ name: "api" }).line()));
    const answers = named.map((line) => JSON.parse(line) as Partial<RecordedRun> & { readonly error?: string });
    for (const { program } of answers) if (program !== undefined) s.atEnd(() => killIfThere(program));
    assert.equal(answers.filter(({ error }) => error === "PM_RUN_NAME_TAKEN").length, 5, named.join("\n"));
    const others = await Promise.all(Array.from({ length: 6 }, () => runs.started()));
    assert.equal(new Set(others.map(({ name }) => name)).size, 6);
  }),
);

test(
  "what is written is this user's alone, whole, and left by nobody half",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const folder = join(runs.folder, "new");
    const first = { command: "x", args: ["--password=1"], mode: "adopt" as const, cwd: "/", graceMs: 1 };
    const file = openRunRecord(first, { folder });
    s.atEnd(() => file.close());
    assert.equal(s.system("stat", "-c", "%a", folder).trim(), "700");
    assert.equal(s.system("stat", "-c", "%a", join(folder, `${file.record.id}.json`)).trim(), "600");
    assert.equal(file.update({ restarts: 3, ports: [] }), "ok");
    assert.equal((await listRuns({ folder })).runs[0]!.restarts, 3);
    assert.equal(file.update({ programPid: process.pid }), "ok");
    assert.equal((await listRuns({ folder })).runs[0]!.program?.pid, process.pid);
    assert.equal(file.update({ restarts: 4 }), "ok");
    assert.equal((await listRuns({ folder })).runs[0]!.program?.pid, process.pid, "it is still there");
    assert.equal(file.update({ programPid: undefined }), "ok");
    assert.equal((await listRuns({ folder })).runs[0]!.state, "down");
    file.close();
    file.close();
    assert.equal(file.update({ restarts: 5 }), "ok");
    assert.deepEqual(
      readdirSync(folder).filter((name) => name !== ".lock"),
      [],
    );
  }),
);

test(
  "a folder that others can write to, a link, or another user's is refused",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const first = { command: "x", args: [], mode: "adopt" as const, cwd: "/", graceMs: 1 };
    const refused = (folder: string, why: RegExp): void => {
      assert.throws(
        () => openRunRecord(first, { folder }),
        (error) => error instanceof PortmortemError && error.code === "PM_RUN_RECORD" && why.test(error.message),
      );
    };
    const open = join(runs.folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    refused(open, /others may write to it/);
    assert.deepEqual((await listRuns({ folder: open })).incomplete, [{ what: open, why: "others may write to it" }]);
    const link = join(runs.folder, "link");
    symlinkSync(runs.folder, link);
    refused(link, /it is a link/);
    const file = join(runs.folder, "file");
    writeFileSync(file, "");
    refused(file, /it is no folder/);
    refused(join(file, "below"), /no folder .* can be made/);
    const [self] = /\d+/.exec(readFileSync("/proc/self/status", "utf8").split("\nUid:")[1]!)!;
    if (self === "0") {
      const others = join(runs.folder, "others");
      mkdirSync(others, { mode: 0o700 });
      s.system("chown", "65534", others);
      refused(others, /it belongs to user 65534/);
    }
  }),
);

test(
  "what is no record is passed over with a reason, and left where it is",
  story(async (s) => {
    const runs = new RecordedRuns(s);
    const run = await runs.started();
    const path = (name: string): string => join(runs.folder, name);
    const whole = readFileSync(path(`${run.id}.json`), "utf8");
    writeFileSync(path("cut.json"), whole.slice(0, 90));
    writeFileSync(path("other.json"), whole);
    writeFileSync(path("newer.json"), whole.replace("run-record/1", "run-record/2"));
    mkdirSync(path("folder.json"));
    symlinkSync(path(`${run.id}.json`), path("link.json"));
    s.system("mkfifo", path("pipe.json"));
    const { runs: listed, incomplete } = await listRuns({ folder: runs.folder });
    assert.deepEqual(
      listed.map(({ id }) => id),
      [run.id],
    );
    assert.deepEqual(
      incomplete.map(({ what, why }) => [what.slice(runs.folder.length + 1), why]),
      [
        ["cut.json", "it is no record of portmortem"],
        ["folder.json", "it is no file"],
        ["link.json", "it is a link"],
        ["newer.json", "it was written by a later version of portmortem"],
        ["other.json", "its name is not that of the record in it"],
        ["pipe.json", "it is no file"],
      ],
    );
    assert.equal(files(runs.folder).length, 7);
  }),
);
