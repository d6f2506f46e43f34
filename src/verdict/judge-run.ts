/** What the record of a run is worth now: does what is written there still live? Pure. */
import type { ListedRun, RunProcess, RunRecord, RunState } from "../tcp/run-record.ts";

/** Of a process that a record names. `unknown`: this machine does not tell. */
export type Presence = "there" | "gone" | "unknown";

export interface RunFacts {
  readonly bootId?: string;
  readonly pidNamespace?: number;
  /** That of the record, where it is another one. */
  readonly hasNamespaceEnded?: boolean;
  readonly keeper: Presence;
  /** Counts only where the record names one. */
  readonly program: Presence;
}

/** `stale`: nothing of it is left. */
export function judgeRun(record: RunRecord, facts: RunFacts): RunState | "stale" {
  // Before the boot: containers of some managers are given a boot id of their own.
  const areBootsKnown = record.bootId !== undefined && facts.bootId !== undefined;
  const isOfThisBoot = areBootsKnown && record.bootId === facts.bootId;
  if (record.pidNamespace !== facts.pidNamespace)
    return isOfThisBoot && facts.hasNamespaceEnded === true ? "stale" : "elsewhere";
  if (areBootsKnown && !isOfThisBoot) return "stale";
  const program = record.program === undefined ? "gone" : facts.program;
  if (facts.keeper === "unknown") return "unknown";
  if (facts.keeper === "there") return program === "gone" ? "down" : "kept";
  return program === "there" ? "kept-no-more" : program === "gone" ? "stale" : "unknown";
}

/** `seen`: who has the pid now. `canSee`: this process itself can be seen in the same way. */
export function presenceOf(
  wanted: RunProcess,
  seen: { readonly startTicks: number; readonly state: string } | undefined,
  canSee: boolean,
): Presence {
  if (seen === undefined) return canSee ? "gone" : "unknown";
  return seen.startTicks === wanted.startTicks && seen.state !== "Z" && seen.state !== "X" ? "there" : "gone";
}

export function listedRun(record: RunRecord, state: RunState, nowMs: number): ListedRun {
  const { id, name, keeper, program, command, args, ports, mode, cwd, startedAt, restarts } = record;
  const text = textOfRun(record, state);
  return {
    id,
    name,
    state,
    keeper: { pid: keeper.pid },
    ...(program === undefined || state === "down" ? {} : { program: { pid: program.pid } }),
    command,
    args,
    ports,
    mode,
    cwd,
    startedAt,
    upMs: Math.max(0, Math.round(nowMs - Date.parse(startedAt))),
    restarts,
    ...(text === undefined ? {} : { text }),
  };
}

/** What is not as usual. */
export function textOfRun({ keeper }: RunRecord, state: RunState): string | undefined {
  switch (state) {
    case "kept":
      return undefined;
    case "down":
      return "its program does not run at the moment";
    case "kept-no-more":
      return `its keeper (pid ${keeper.pid}) is dead: the program serves on, and is not started again`;
    case "elsewhere":
      return "it runs in another pid namespace, a container most often: look, and stop it, from there";
    case "unknown":
      return "whether it still runs is not told: /proc does not show its processes";
  }
}
