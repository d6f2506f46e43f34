/** `run --reload`: asks keepers for a hand-over, and waits for how it goes. */
import { requireActions, refuseRecording } from "../act/acting-host.ts";
import { sleep } from "../act/sleep.ts";
import { hostFor } from "../ask/hosts.ts";
import type { ReloadedRun, ReloadRunsResult, RunRecord, RunReload } from "../tcp/run-record.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { textOfRun } from "../verdict/judge-run.ts";
import { chooseRuns } from "./choose-runs.ts";
import { Member } from "./end-processes-of-run.ts";
import { judgeRuns, recordsFor } from "./list-runs.ts";
import type { JudgedRun, RunsOptions } from "./list-runs.ts";

export interface ReloadRunsOptions extends RunsOptions {
  /** Names, or ids. */
  readonly names?: readonly string[];
  readonly ports?: readonly number[];
  readonly signal?: AbortSignal;
}

const LOOK_MS = 50;
/** More than a hand-over takes: 60 s for the new program to listen, and the grace of one that does not. */
const MOST_MS = 90_000;

/** Throws PM_REPLAY_READ_ONLY, PM_NO_NATIVE, PM_PLATFORM, and the signal's reason. */
export async function reloadRuns(options: ReloadRunsOptions): Promise<ReloadRunsResult> {
  const { names = [], ports = [], signal } = options;
  refuseRecording(options.host);
  const host = hostFor(options.host === undefined ? {} : { host: options.host });
  const actions = requireActions(host);
  const records = recordsFor(options);
  const { runs, incomplete } = judgeRuns(host, records);
  const { chosen, notFound } = chooseRuns(runs, { names, ports, all: false });
  const latest = (id: string): RunRecord | undefined => records.read().records.find((one) => one.id === id);
  const reloaded = await Promise.all(
    chosen.map(async (run): Promise<ReloadedRun> => {
      const { id, name } = run.record;
      const why = whyNot(run);
      const keeper = why === undefined ? Member.hold(actions, run.record.keeper) : undefined;
      if (keeper === undefined) return { id, name, result: "failed", why: why ?? "its keeper has ended" };
      try {
        keeper.send("SIGHUP");
        if (keeper.errno !== undefined) return { id, name, result: "failed", why: `its keeper: ${keeper.errno}` };
        return { id, name, ...(await outcomeOf(run.record, keeper, latest, signal)) };
      } finally {
        keeper.close();
      }
    }),
  );
  return { reloaded, notFound, incomplete: [...incomplete] satisfies readonly Incomplete[] };
}

function whyNot({ record, state }: JudgedRun): string | undefined {
  return state === "kept" || state === "down" ? undefined : textOfRun(record, state);
}

async function outcomeOf(
  { id, lastReload }: RunRecord,
  keeper: Member,
  latest: (id: string) => RunRecord | undefined,
  signal: AbortSignal | undefined,
): Promise<Pick<RunReload, "result" | "why"> & { readonly program?: { readonly pid: number } }> {
  const before = lastReload?.number ?? 0;
  const until = performance.now() + MOST_MS;
  while (performance.now() < until && !keeper.hasEnded()) {
    const record = latest(id);
    const reload = record?.lastReload;
    if (reload !== undefined && reload.number > before)
      return {
        result: reload.result,
        ...(reload.why === undefined ? {} : { why: reload.why }),
        ...(record?.program === undefined ? {} : { program: { pid: record.program.pid } }),
      };
    await sleep(LOOK_MS, signal);
  }
  return { result: "failed", why: keeper.hasEnded() ? "its keeper has ended" : "it took too long" };
}
