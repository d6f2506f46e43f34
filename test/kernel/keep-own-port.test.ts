// The program that moves to the next port where its own is taken, in each language: kept, it has its own at every start. (C: keep-crashes.)
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KeptProgram } from "./kept-program.ts";
import { GO, HAS_PYTHON, PYTHON } from "./needs.ts";
import { RequestLoad } from "./request-load.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const KILLS = Number(process.env["KEEP_KILLS"] ?? 10);
const ANSWERS_A_LIFE = 10;
const CLIENTS = 2;
const SOURCES = join(import.meta.dirname, "../../../test/programs");

function goProgram(s: Story, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-go-"));
  s.atEnd(() => rmSync(folder, { recursive: true }));
  const target = join(folder, name);
  const { status, stderr } = spawnSync("go", ["build", "-o", target, join(SOURCES, `${name}.go`)], {
    env: { ...process.env, GOCACHE: join(folder, "cache"), GO111MODULE: "off", CGO_ENABLED: "0", GOFLAGS: "" },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return target;
}

const SERVERS = [
  { language: "Python", needs: [HAS_PYTHON], words: () => [PYTHON, join(SOURCES, "port-server.py")] },
  {
    language: "Node",
    needs: [],
    words: () => [process.execPath, join(import.meta.dirname, "../programs/port-server-node.js")],
  },
  { language: "Go, static", needs: [GO], words: (s: Story) => [goProgram(s, "port-server")] },
];

for (const { language, needs, words } of SERVERS)
  test(
    `${language}: 49200 at each of ${KILLS + 1} starts, over TIME-WAIT of its own connections`,
    story(
      async (s) => {
        const [command = "", ...args] = words(s);
        const kept = new KeptProgram({ ports: [49_200] }, command, ...args, "49200");
        s.atEnd(() => kept.end());
        await kept.told("listening");
        const load = new RequestLoad(49_200, CLIENTS);
        for (let life = 1; life <= KILLS + 1; life++) {
          await until(`life ${life} listens`, () => kept.all("listening").some((one) => one.life === life));
          const from = load.counts.answered;
          await until(`answers of life ${life}`, () => load.counts.answered >= from + ANSWERS_A_LIFE);
          if (life <= KILLS) await kept.crash();
        }
        const counts = await load.stop();
        assert.equal(counts.refused, 0, JSON.stringify(counts));
        assert.ok(counts.lost <= KILLS * CLIENTS, JSON.stringify(counts));
        assert.deepEqual(kept.output, Array<string>(KILLS + 1).fill("listening on 49200"));
        assert.ok((await s.sockets("state time-wait and sport = :49200")).length > 0, "it closes first");
      },
      ...needs,
    ),
  );
