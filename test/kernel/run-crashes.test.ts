// `portmortem run` and the program of the documents: it crashes, and its port is its own again, with whoever waited.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { ownChildrenOf } from "./process-counts.ts";
import { STATIC_C, cProgram } from "./c-program.ts";
import { startLoad, startRun } from "./run-command.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

for (const words of [["--port", "49200"], []])
  test(
    `run ${words.join(" ")}: a program that would move on when its port is taken has it at each start, and is said to`,
    story(async (s) => {
      const run = startRun(s, [...words, "--backoff", "10ms", "--", cProgram("port-server"), "49200"], {
        asText: true,
      });
      assert.equal(await run.printed(1), "listening on 49200");
      const load = startLoad(s, 49_200, 1);
      let pid = 0;
      for (let life = 2; life <= 4; life++) {
        await until("answers", () => load.counts.answered >= 5 * (life - 1));
        pid = Number(load.answers.at(-1)?.split(" ")[0]);
        process.kill(pid, "SIGKILL");
        assert.equal(await run.printed(life), "listening on 49200");
        await run.said(new RegExp(`port-server \\(pid ${pid}\\) was ended by SIGKILL`));
        await until("the next one answers", () => Number(load.answers.at(-1)?.split(" ")[0]) !== pid);
      }
      const counts = await load.stop();
      assert.equal(counts.refused, 0, JSON.stringify(counts));
      assert.ok(counts.lost <= 3, JSON.stringify(counts));
      assert.equal(await run.stop(), 143);
      assert.equal(run.warned.filter((line) => /0\.0\.0\.0:49200 is port-server's again/.test(line)).length, 3);
      for (const line of run.warned) assert.match(line, /^portmortem: \S/);
    }, STATIC_C),
  );

test(
  "a hundred crashes leave no descriptor, no zombie and no launcher behind; each line of --json is an event",
  story(async (s) => {
    const run = startRun(s, ["-p", "49200", "--backoff", "0s", "--", cProgram("port-server"), "49200"]);
    await run.told("listening");
    const settled = async (life: number): Promise<void> => {
      await run.told("listening", life);
      await until("the launcher of the next life stands ready", () => run.all("ready").at(-1)?.life === life + 1);
    };
    await settled(1);
    let before = 0;
    for (let life = 2; life <= 101; life++) {
      await run.crash();
      await settled(life);
      if (life === 11) before = descriptorsOf(run.pid);
    }
    await until("as many descriptors as after ten", () => descriptorsOf(run.pid) === before);
    assert.deepEqual(ownChildrenOf(run.pid), { alive: 2, zombies: 0 }, "the program and the next launcher");
    assert.deepEqual(run.warned, []);
    const told = run.news.map(({ kind }) => kind).filter((kind) => kind === "started" || kind === "returned");
    assert.equal(told.length, 201);
    assert.ok(
      told.every((kind, at) => kind === (at === 0 || at % 2 === 1 ? "started" : "returned")),
      "first started, then returned",
    );
    assert.equal(run.all("ended").length, 100);
    assert.deepEqual([...new Set(run.output)], ["listening on 49200"]);
    assert.equal(await run.stop(), 143);
  }, STATIC_C),
);

test(
  "-q says nothing",
  story(async (s) => {
    const run = startRun(
      s,
      ["-q", "--backoff", "0s", "--max-restarts", "1/1m", "--", "sh", "-c", "echo life; exit 3"],
      {
        asText: true,
      },
    );
    assert.equal(await run.ended, 3);
    assert.deepEqual(run.output, ["life", "life"]);
    assert.deepEqual(run.warned, []);
  }),
);

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
