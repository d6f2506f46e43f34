// A server that knows nothing of it is killed again and again under load, and nobody is refused.
//   FILE_MINUTES=60 KEEP_KILLS=1000 npm test -- keep-crashes
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import type { KeepReport } from "../programs/keep.ts";
import { KeptProgram } from "./kept-program.ts";
import { RequestLoad } from "./request-load.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const KILLS = Number(process.env["KEEP_KILLS"] ?? 100);
const REQUESTS_A_LIFE = 25;

test(
  `a static server that is killed ${KILLS} times under load: none refused, one lost with each life at most, nothing left behind`,
  story(async (s) => {
    // Little room for what the collector has not looked at yet: what grows is what is left behind.
    const env = { NODE_OPTIONS: "--max-old-space-size=32 --max-semi-space-size=1" };
    const kept = new KeptProgram({ env }, cProgram("port-server"), "49200");
    s.atEnd(() => kept.end());
    await kept.told("listening");
    const load = new RequestLoad(49_200, 4);
    const settle = async (life: number): Promise<void> => {
      await kept.told("listening", life);
      const from = load.counts.answered;
      await until(`${REQUESTS_A_LIFE} answers of life ${life}`, () => load.counts.answered >= from + REQUESTS_A_LIFE);
    };
    /** Once the launcher of the next life stands ready: it is a part of what a keeper has. */
    const reportOf = async (life: number): Promise<KeepReport> => {
      await kept.told("ready", life + 1);
      return kept.report();
    };
    // A few lives first: what is made once is not a leak.
    const warm = Math.min(10, KILLS);
    let before = await reportOf(1);
    for (let kills = 1; kills <= KILLS; kills++) {
      await kept.crash();
      await settle(kills + 1);
      if (kills === warm) before = await reportOf(warm + 1);
    }
    const counts = await load.stop();
    assert.equal(counts.refused, 0, JSON.stringify(counts));
    assert.ok(counts.lost <= KILLS, `${counts.lost} lost of ${KILLS} lives, which serve one connection at a time`);
    assert.ok(counts.answered >= KILLS * REQUESTS_A_LIFE);
    const ports = new Set(kept.output);
    assert.deepEqual([...ports], ["listening on 49200"], "it never moved on to another port");
    const after = await reportOf(KILLS + 1);
    assert.deepEqual([after.kept, after.zombies, after.descriptors], [1, 0, before.descriptors]);
    const grownMB = (after.residentBytes - before.residentBytes) / 1e6;
    assert.ok(grownMB < 16, `${grownMB} MB more after ${KILLS} lives`);
  }, STATIC_C),
);

test(
  "the next keeper's program has the port too, over TIME-WAIT of its own connections, where alone it would move on",
  story(async (s) => {
    const serve = async (): Promise<string> => {
      const kept = new KeptProgram({}, cProgram("port-server"), "49200");
      s.atEnd(() => kept.end());
      await kept.told("listening");
      const load = new RequestLoad(49_200, 1);
      await until("answers", () => load.counts.answered >= 5);
      await load.stop();
      await kept.end();
      return kept.output.join();
    };
    assert.equal(await serve(), "listening on 49200");
    assert.ok((await s.sockets("state time-wait and sport = :49200")).length > 0, "it closed first");
    assert.equal(await serve(), "listening on 49200");
    const alone = spawn(cProgram("port-server"), ["49200"], { stdio: ["ignore", "pipe", "inherit"] });
    s.atEnd(() => alone.kill("SIGKILL"));
    const [line] = (await once(alone.stdout, "data")) as [Buffer];
    assert.equal(line.toString(), "listening on 49201\n");
  }, STATIC_C),
);
