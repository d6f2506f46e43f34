import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgramEnd, StartedProgram } from "../host/keeping.ts";
import { Life } from "./life.ts";

/** Ends by SIGKILL alone. */
function stubborn(): { readonly life: Life; readonly heard: readonly NodeJS.Signals[] } {
  const heard: NodeJS.Signals[] = [];
  let settle: (end: ProgramEnd) => void = () => undefined;
  const program: StartedProgram = {
    pid: 2,
    startedTicks: 0,
    bits: 64,
    ended: new Promise((resolve) => (settle = resolve)),
    signal: (name) => {
      heard.push(name);
      if (name === "SIGKILL") settle({ signal: name });
      return true;
    },
  };
  return { life: new Life(1, program, async () => undefined), heard };
}

const LONG_MS = 600_000;

for (const graces of [
  [1, LONG_MS],
  [LONG_MS, 1],
] as const)
  test(
    `asked to end with ${graces.join(" ms and then ")} ms of grace, it has the shorter one`,
    { timeout: 10_000 },
    async () => {
      const { life, heard } = stubborn();
      let kills = 0;
      for (const graceMs of graces) life.end("SIGTERM", graceMs, () => kills++);
      assert.deepEqual(await life.over, { signal: "SIGKILL" });
      assert.deepEqual(heard, ["SIGTERM", "SIGTERM", "SIGKILL"]);
      assert.equal(kills, 1);
    },
  );
