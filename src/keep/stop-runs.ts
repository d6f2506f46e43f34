/** `run --stop` and `--stop-all`: ends what `portmortem run` of this user started, and nothing else. */
import { requireActions, refuseRecording } from "../act/acting-host.ts";
import { hostFor } from "../ask/hosts.ts";
import { PortmortemError } from "../base/errors.ts";
import type { StopRunsResult } from "../tcp/run-record.ts";
import { textOfRun } from "../verdict/judge-run.ts";
import { chooseRuns } from "./choose-runs.ts";
import { judgeRuns, recordsFor } from "./list-runs.ts";
import type { RunsOptions } from "./list-runs.ts";
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
  const { chosen, notFound, passedOver } = chooseRuns(runs, { names, ports, all });
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
