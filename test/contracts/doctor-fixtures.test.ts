// Every finding has a recording of a real machine that has it (made by its story in test/kernel/, with UPDATE_RECORDINGS=1), and the
// recording shows it on any machine.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { doctor } from "../../src/ask/doctor.ts";
import { parseRecording } from "../../src/host/replay/recording.ts";
import { createReplayHost } from "../../src/host/replay/replay-host.ts";
import { FINDINGS } from "../../src/verdict/findings/table.ts";

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}

const folder = join(findRoot(import.meta.dirname), "test/fixtures/doctor");
const recorded = existsSync(folder) ? readdirSync(folder).map((name) => name.replace(/\.json$/, "")) : [];

test("every finding has a recording, and every recording is one of a finding", () => {
  assert.deepEqual([...recorded].sort(), FINDINGS.map(({ code }) => code).sort());
});

for (const code of recorded) {
  test(`the recording ${code}.json shows ${code}, and leaves nothing unseen for want of an answer`, async () => {
    const file = join(folder, `${code}.json`);
    const recording = parseRecording(readFileSync(file, "utf8"), file);
    const host = createReplayHost(recording);
    const twice = recording.namespaces["home"]?.["again"] !== undefined;
    const { findings, incomplete } = await doctor({ host, ...(twice ? { watchMs: 1000 } : {}) });
    assert.ok(
      findings.some((finding) => finding.code === code),
      `found: ${findings.map((finding) => finding.code).join(", ") || "nothing"}`,
    );
    assert.ok(!incomplete.some(({ why }) => why.includes("recording")), JSON.stringify(incomplete));
  });
}
