/**
 * What came of programs that are under no filter: nothing tells whose an orphan is once its parents have ended, so it is remembered while
 * they live, by pid and start time. A process whose parents ended between two looks is missed.
 */
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import { descendants, ownChildren } from "./descendants.ts";
import { readText } from "./read-file.ts";

export class SeenFamily {
  /** By pid. */
  #startTicks = new Map<number, number>();

  /** To be called from time to time, and when one of these programs is about to be told to end. */
  look(programs: Iterable<number>): void {
    const seen = new Map<number, number>();
    for (const pid of [...programs].flatMap((program) => descendants(program)).concat(this.orphans()))
      seen.set(pid, this.#startTicks.get(pid) ?? startTicksOf(pid) ?? 0);
    this.#startTicks = seen;
  }

  /** Those that have become children of this process, and run. `startedBefore`: in clock ticks after boot. */
  orphans(startedBefore = Infinity): number[] {
    return ownChildren().filter((pid) => {
      const known = this.#startTicks.get(pid);
      return known !== undefined && known < startedBefore && known === startTicksOf(pid);
    });
  }
}

/** Undefined: it has ended. */
function startTicksOf(pid: number): number | undefined {
  const stat = parseProcessStat(readText(`/proc/${pid}/stat`) ?? "");
  return stat === undefined || stat.state === "Z" ? undefined : stat.startTicks;
}
