/** The runs that are written down, each looked at: does it live? What is stale is removed. */
import { hostFor } from "../ask/hosts.ts";
import type { Host } from "../host/host.ts";
import { openRunRecords } from "../host/linux/run-record-files.ts";
import type { RunPlace, RunRecords } from "../host/run-records.ts";
import type { RunList, RunProcess, RunRecord, RunState } from "../tcp/run-record.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { judgeRun, listedRun, presenceOf } from "../verdict/judge-run.ts";
import type { Presence } from "../verdict/judge-run.ts";

export interface RunsOptions {
  /** Default: this machine. */
  readonly host?: Host;
  /** Default: `PORTMORTEM_RUN_DIR`, or those that docs/run.md names. */
  readonly folder?: string;
}

export interface JudgedRun {
  readonly record: RunRecord;
  readonly state: RunState;
}

/** This user's runs, those of `sudo` are root's. Throws PM_PLATFORM. */
export async function listRuns(options: RunsOptions = {}): Promise<RunList> {
  const host = hostFor(options.host === undefined ? {} : { host: options.host });
  const { runs, incomplete } = judgeRuns(host, recordsFor(options));
  const { nowMs } = host.system();
  return { runs: runs.map(({ record, state }) => listedRun(record, state, nowMs)), incomplete };
}

export function recordsFor({ folder }: RunsOptions): RunRecords {
  return openRunRecords(folder === undefined ? {} : { folder });
}

/** The oldest first, without the stale ones, which are removed. */
export function judgeRuns(
  host: Host,
  records: RunRecords,
): { readonly runs: readonly JudgedRun[]; readonly incomplete: readonly Incomplete[] } {
  const place = records.here();
  const { records: found, skipped } = records.read();
  const runs: JudgedRun[] = [];
  for (const record of found) {
    const state = stateOf(host, place, record);
    // Whoever is dead does not come back with the same start time: nobody needs to be kept from writing meanwhile.
    if (state === "stale") records.remove(record.id);
    else runs.push({ record, state });
  }
  runs.sort((a, b) => Date.parse(a.record.startedAt) - Date.parse(b.record.startedAt));
  return { runs, incomplete: skipped.map(({ path, why }) => ({ what: path, why })) };
}

export function stateOf(host: Host, place: RunPlace, record: RunRecord): RunState | "stale" {
  const canSee = host.process(host.system().pid) !== undefined;
  const { pidNamespace } = record;
  const isOfOther = pidNamespace !== undefined && pidNamespace !== place.pidNamespace;
  return judgeRun(record, {
    ...place,
    hasNamespaceEnded: isOfOther && place.hasEnded(pidNamespace),
    keeper: presence(host, record.keeper, canSee),
    program: presenceOfAny(host, programsOf(record), canSee),
  });
}

/** The one that counts, and those beside it during a hand-over. */
export function programsOf({ program, otherPrograms = [] }: RunRecord): readonly RunProcess[] {
  return program === undefined ? otherPrograms : [program, ...otherPrograms];
}

function presenceOfAny(host: Host, wanted: readonly RunProcess[], canSee: boolean): Presence {
  const found = wanted.map((one) => presence(host, one, canSee));
  return found.find((one) => one === "there") ?? found.find((one) => one !== "gone") ?? "gone";
}

function presence(host: Host, wanted: RunProcess, canSee: boolean): Presence {
  const seen = host.process(wanted.pid);
  const found = presenceOf(wanted, seen, canSee);
  // A process whose first thread has ended shows as a zombie, and goes on with the others.
  if (found === "gone" && seen?.state === "Z" && isThere(host, wanted)) return "there";
  return found;
}

function isThere({ actions }: Host, wanted: RunProcess): boolean {
  if ("unable" in actions) return false;
  const handle = actions.openProcess(wanted);
  if ("errno" in handle) return false;
  handle.close();
  return true;
}
