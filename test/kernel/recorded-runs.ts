/** Runs that are written down, in a folder of the test's own (test/programs/recorded-run.ts). */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordedRun, RecordedRunSettings } from "../programs/recorded-run.ts";
import type { Program, ProgramOptions } from "./actor.ts";
import type { Story } from "./story.ts";

/** As an ordinary program, which ends when it is asked to. */
export const SLEEPS = ["sleep", "1000"] as const;

export interface StartedRun extends RecordedRun {
  readonly process: Program;
}

export class RecordedRuns {
  readonly folder = mkdtempSync(join(tmpdir(), "portmortem-runs-"));
  readonly #story: Story;

  constructor(story: Story) {
    this.#story = story;
    story.atEnd(() => rmSync(this.folder, { recursive: true }));
  }

  start(
    settings: Omit<RecordedRunSettings, "folder"> = {},
    command: readonly string[] = SLEEPS,
    options: ProgramOptions = {},
  ): Program {
    return this.#story.program(
      "recorded-run",
      [JSON.stringify({ folder: this.folder, ...settings }), ...command],
      options,
    );
  }

  async started(...of: Parameters<RecordedRuns["start"]>): Promise<StartedRun> {
    const process = this.start(...of);
    const run = { ...(JSON.parse(await process.line()) as RecordedRun), process };
    this.#story.atEnd(() => killIfThere(run.program));
    return run;
  }
}

export function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

export function killIfThere(pid: number): void {
  if (lives(pid)) process.kill(pid, "SIGKILL");
}
