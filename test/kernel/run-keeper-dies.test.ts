// SIGKILL to `portmortem run` itself: the program serves on, and can bind again.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { startLoad, startRun } from "./run-command.ts";
import { endAtLast, hasEnded, isAlive } from "./started-command.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

test(
  "a program whose run was killed goes on serving; run again takes its port back with --take",
  story(async (s) => {
    const words = ["-p", "49200", "--", cProgram("port-server"), "49200"];
    const run = startRun(s, words);
    await run.told("listening");
    const { pid: launcher } = await run.told("ready", 2);
    const program = run.programPid;
    endAtLast(s, program);
    endAtLast(s, launcher);
    const load = startLoad(s, 49_200);
    await until("answers", () => load.counts.answered >= 3);
    run.signal("SIGKILL");
    await hasEnded(run.pid);
    const from = load.counts.answered;
    await until("answers after its death", () => load.counts.answered >= from + 10);
    assert.equal(load.counts.refused, 0);
    assert.ok(isAlive(program));
    await load.stop();

    const named = startRun(s, words, { asText: true });
    assert.equal(await named.ended, 1);
    assert.match(named.warned[0] ?? "", new RegExp(`port-server \\(pid ${program}\\)`));
    const next = startRun(s, ["--take", ...words]);
    await next.told("listening");
    assert.equal(await next.printed(1), "listening on 49200");
    await hasEnded(program);
    await hasEnded(launcher);
    assert.equal(await next.stop(), 143);
  }, STATIC_C),
);

test(
  "a program whose run was killed binds what it likes afterwards",
  story(async (s) => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.system("mkfifo", join(folder, "stdin"));
    const input = openSync(join(folder, "stdin"), "r+");
    s.atEnd(() => {
      closeSync(input);
      rmSync(folder, { recursive: true });
    });
    const command = `exec ${cProgram("bind-again")} < ${join(folder, "stdin")} > ${join(folder, "stdout")}`;
    const run = startRun(s, ["--", "sh", "-c", command]);
    await run.told("started");
    const { pid: launcher } = await run.told("ready", 2);
    const program = run.programPid;
    endAtLast(s, program);
    endAtLast(s, launcher);
    const answers = (): string[] => readLines(join(folder, "stdout"));
    writeSync(input, "49200\n");
    await until("the first answer", () => answers().length >= 2);
    run.signal("SIGKILL");
    await hasEnded(run.pid);
    writeSync(input, "49201\n49202 thread\n49203 fork\n");
    await until("all answers", () => answers().length >= 5);
    assert.deepEqual(answers().slice(1), ["ok", "ok", "ok", "ok"]);
    process.kill(program, "SIGTERM");
    await hasEnded(program);
    await hasEnded(launcher);
  }, STATIC_C),
);

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
}
