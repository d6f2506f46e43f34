/** `run --stop` and `--stop-all`: ends what `portmortem run` of this user started, and nothing else. */
import { requireActions, refuseRecording } from "../act/acting-host.ts";
import { hostFor } from "../ask/hosts.ts";
import { PortmortemError } from "../base/errors.ts";
import { nearestWord } from "../base/nearest-word.ts";
import type { RunNotFound, StopRunsResult } from "../tcp/run-record.ts";
import { textOfRun } from "../verdict/judge-run.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { judgeRuns, recordsFor } from "./list-runs.ts";
import type { JudgedRun, RunsOptions } from "./list-runs.ts";
import { stopRun } from "./stop-run.ts";
import type { RunStopAnswer } from "./stop-run.ts";

export interface StopRunsOptions extends RunsOptions {
  /** Names, or ids. */
  readonly names?: readonly string[];
  /** Every run that keeps this port, of whatever address and protocol. */
  readonly ports?: readonly number[];
  readonly all?: boolean;
  /** Between SIGTERM and SIGKILL; default: what each run was told (`--grace`). */
  readonly graceMs?: number;
  /** Nothing is killed after it; who was asked to end is left to it. */
  readonly signal?: AbortSignal;
  readonly onWaiting?: (name: string, waitedMs: number, limitMs: number) => void;
}

/** Throws PM_USAGE when neither names nor ports nor `all` are given, PM_REPLAY_READ_ONLY, PM_NO_NATIVE, PM_PLATFORM. */
export async function stopRuns(options: StopRunsOptions): Promise<StopRunsResult> {
  const { names = [], ports = [], all = false, graceMs, signal, onWaiting } = options;
  if (!all && names.length === 0 && ports.length === 0)
    throw new PortmortemError("PM_USAGE", "no run was named that is to be stopped", {
      hint: "names, ports, or all of them",
    });
  refuseRecording(options.host);
  const host = hostFor(options.host === undefined ? {} : { host: options.host });
  const actions = requireActions(host);
  const records = recordsFor(options);
  const { runs, incomplete } = judgeRuns(host, records);
  const { chosen, notFound, passedOver } = choose(runs, { names, ports, all });
  const answers = await Promise.all(
    chosen.map(async ({ record, state }): Promise<RunStopAnswer> => {
      if (state === "elsewhere" || state === "unknown")
        return { failed: { id: record.id, name: record.name, text: textOfRun(record, state)! } };
      return stopRun(record, graceMs, records, {
        host,
        actions,
        ...(signal === undefined ? {} : { signal }),
        ...(onWaiting === undefined
          ? {}
          : { onWaiting: (waitedMs, limitMs) => onWaiting(record.name, waitedMs, limitMs) }),
      });
    }),
  );
  return {
    stopped: answers.flatMap((answer) => ("stopped" in answer ? [answer.stopped] : [])),
    notFound,
    failed: answers.flatMap((answer) => ("failed" in answer ? [answer.failed] : [])),
    incomplete: [...incomplete, ...passedOver],
  };
}

interface Wanted {
  readonly names: readonly string[];
  readonly ports: readonly number[];
  readonly all: boolean;
}

function choose(
  runs: readonly JudgedRun[],
  { names, ports, all }: Wanted,
): { readonly chosen: readonly JudgedRun[]; readonly notFound: RunNotFound[]; readonly passedOver: Incomplete[] } {
  const chosen = new Set<JudgedRun>();
  const notFound: RunNotFound[] = [];
  for (const name of names) {
    const found = runs.filter(({ record }) => record.name === name || record.id === name);
    for (const run of found) chosen.add(run);
    if (found.length === 0) notFound.push(unknownName(name, runs));
  }
  for (const port of ports) {
    const found = runs.filter(({ record }) => record.ports.some((one) => one.port === port));
    for (const run of found) chosen.add(run);
    if (found.length === 0) notFound.push({ port, text: `no run keeps port ${port}` });
  }
  const passedOver: Incomplete[] = [];
  for (const run of all ? runs : []) {
    // All means all of this place: a container's are its own.
    if (run.state !== "elsewhere") chosen.add(run);
    else if (!chosen.has(run)) passedOver.push({ what: run.record.name, why: textOfRun(run.record, run.state)! });
  }
  return { chosen: [...chosen], notFound, passedOver };
}

function unknownName(name: string, runs: readonly JudgedRun[]): RunNotFound {
  const nearest = nearestWord(
    name,
    runs.map(({ record }) => record.name),
  );
  const text = `no run is called ${name}`;
  return nearest === undefined ? { name, text } : { name, nearest, text: `${text}; did you mean ${nearest}?` };
}
