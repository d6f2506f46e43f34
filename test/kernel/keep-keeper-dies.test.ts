// The keeper is killed: the program serves on, its binds get the kernel's own answers, and nothing stays behind when it ends.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { KeptProgram } from "./kept-program.ts";
import { RequestLoad } from "./request-load.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function killIfThere(pid: number): void {
  if (lives(pid)) process.kill(pid, "SIGKILL");
}

/** bind-again, with a stdin that does not end with its keeper, once a launcher stands ready for the next life. */
async function bindAgain(s: Story): Promise<{ readonly kept: KeptProgram; readonly standbyPid: number }> {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  s.system("mkfifo", join(folder, "stdin"));
  const input = openSync(join(folder, "stdin"), "r+");
  s.atEnd(() => {
    closeSync(input);
    rmSync(folder, { recursive: true });
  });
  const kept = new KeptProgram({ input }, cProgram("bind-again"));
  s.atEnd(() => kept.end());
  await kept.printed(1);
  const { pid: standbyPid } = await kept.told("ready", 2);
  s.atEnd(() => {
    killIfThere(kept.programPid);
    killIfThere(standbyPid);
  });
  return { kept, standbyPid };
}

async function endsWith(kept: KeptProgram, standbyPid: number): Promise<void> {
  killIfThere(kept.programPid);
  await until("the launcher that stood in ends with the last program", () => !lives(standbyPid));
}

test(
  "after the keeper's death a program binds as if it had never been kept",
  story(async (s) => {
    const { kept, standbyPid } = await bindAgain(s);
    kept.say("49200");
    assert.equal(await kept.printed(2), "ok");
    await kept.killKeeper();
    const answers = ["49201", "49202 thread", "49200", "0 bad-pointer", "49203 fork", "49300 many"];
    for (const call of answers) kept.say(call);
    await kept.printed(2 + answers.length);
    assert.deepEqual(kept.output.slice(2), ["ok", "ok", "EADDRINUSE", "EFAULT", "ok", "ok"]);
    await endsWith(kept, standbyPid);
  }, STATIC_C),
);

test(
  "a bind that the keeper had received when it was killed does not hang",
  story(async (s) => {
    for (let round = 0; round < 8; round++) {
      const { kept, standbyPid } = await bindAgain(s);
      kept.say("49300 many");
      await until("the keeper is busy with binds", () => kept.all("bound").length > 20 + round * 50);
      await kept.killKeeper();
      assert.equal(await kept.printed(2), "ok", "ten thousand binds, each answered");
      await endsWith(kept, standbyPid);
    }
  }, STATIC_C),
);

test(
  "a server whose keeper is killed goes on serving",
  story(async (s) => {
    const kept = new KeptProgram({}, cProgram("port-server"), "49200");
    s.atEnd(() => kept.end());
    await kept.told("listening");
    const { pid: standbyPid } = await kept.told("ready", 2);
    s.atEnd(() => killIfThere(kept.programPid));
    const load = new RequestLoad(49_200, 2);
    await until("answers", () => load.counts.answered > 20);
    await kept.killKeeper();
    const from = load.counts.answered;
    await until("answers after it", () => load.counts.answered > from + 200);
    assert.deepEqual(await load.stop(), { answered: load.counts.answered, refused: 0, lost: 0 });
    await endsWith(kept, standbyPid);
  }, STATIC_C),
);

test(
  "without keeper and launcher a bind is refused, not left hanging",
  story(async (s) => {
    const { kept, standbyPid } = await bindAgain(s);
    await kept.killKeeper();
    process.kill(standbyPid, "SIGKILL");
    await until("the launcher is dead", () => !lives(standbyPid));
    kept.say("49200");
    assert.equal(await kept.printed(2), "ENOSYS");
  }, STATIC_C),
);
