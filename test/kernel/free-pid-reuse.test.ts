// A pid that is another process's by the time that the plan is carried out. The reuse is forced, in a pid namespace of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import { CHOSEN_PIDS, IN_OWN_PID_NAMESPACE } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

async function reuse(s: Story, port: number, otherPort: number) {
  const program = s.program("pid-reuse", [String(port), String(otherPort)], { under: IN_OWN_PID_NAMESPACE });
  return JSON.parse(await program.line()) as { result: FreeResult; asked: string; pid: number };
}

test(
  "the process that has the pid by then is not signalled, and the port is free",
  story(async (s) => {
    const { result, asked } = await reuse(s, 48_561, 48_562);
    assert.equal(asked, "asked 0 times");
    assert.equal(result.bindable, true);
    assert.deepEqual(
      result.done.flatMap((one) => (one.kind === "signal" ? [one.result] : [])),
      ["not-needed", "not-needed"],
    );
  }, CHOSEN_PIDS),
);

test(
  "nor is it when it has taken the port as well: that it came back is said",
  story(async (s) => {
    const { result, asked, pid } = await reuse(s, 48_563, 48_563);
    assert.equal(asked, "asked 0 times");
    assert.equal(result.bindable, false);
    assert.deepEqual(
      result.done.flatMap((one) => (one.kind === "signal" ? [one.result] : [])),
      ["gone", "not-needed"],
    );
    assert.match(result.cameBack?.text ?? "", new RegExp(`pid ${pid}\\)`));
  }, CHOSEN_PIDS),
);
