/**
 * The record of a run, kept up to date by its keeper: what was started, so that it can be listed and stopped by somebody else. It is there from
 * before the first start until the keeper ends; a keeper that is killed leaves it, and who reads it then sees that.
 */
import { PortmortemError } from "../base/errors.ts";
import { hostFor } from "../ask/hosts.ts";
import type { Host } from "../host/host.ts";
import type { RunRecords } from "../host/run-records.ts";
import { defaultRunName, whyNoRunName } from "../tcp/run-name.ts";
import type { RunMode, RunPort, RunProcess, RunRecord, RunReload } from "../tcp/run-record.ts";
import { judgeRuns, recordsFor } from "./list-runs.ts";
import type { RunsOptions } from "./list-runs.ts";

/** XDG_RUNTIME_DIR and systemd-tmpfiles clear away what nobody has touched: the first after 6 hours, /tmp after days. */
const REFRESH_MS = 3 * 3_600_000;

export interface NewRun {
  /** Default: after the command. */
  readonly name?: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly mode: RunMode;
  readonly cwd: string;
  /** Between SIGTERM and SIGKILL of the program. */
  readonly graceMs: number;
  readonly ports?: readonly RunPort[];
}

export interface RunChange {
  /** Of the program that runs now; undefined, said so: none does. */
  readonly programPid?: number | undefined;
  /** Of other lives that run beside it. */
  readonly otherPids?: readonly number[];
  readonly ports?: readonly RunPort[];
  readonly mode?: RunMode;
  readonly restarts?: number;
  readonly lastReload?: RunReload;
}

export interface RunRecordFile {
  readonly record: RunRecord;
  /** "ok", or why it could not be written: the run goes on without. */
  update(change: RunChange): "ok" | { readonly why: string };
  /** The run is over. */
  close(): void;
}

/**
 * Writes down that this process keeps a program from now on. Throws PM_RUN_NAME_TAKEN while another run of that name lives, PM_USAGE for what
 * is no name, and PM_RUN_RECORD when there is no place to write.
 */
export function openRunRecord(first: NewRun, options: RunsOptions = {}): RunRecordFile {
  const host = hostFor(options.host === undefined ? {} : { host: options.host });
  const records = recordsFor(options);
  const { name: wanted, ...rest } = first;
  const problem = wanted === undefined ? undefined : whyNoRunName(wanted);
  if (problem !== undefined)
    throw new PortmortemError("PM_USAGE", `${JSON.stringify(wanted)} is no name for a run: ${problem}`, {
      hint: "letters, digits and marks, as in api-2",
    });
  const keeper = identityOf(host, host.system().pid);
  if (keeper === undefined)
    throw new PortmortemError("PM_RUN_RECORD", "this process cannot be told from others: /proc does not show it", {
      hint: "mount /proc of this pid namespace",
    });
  const record = records.locked(() => {
    const taken = new Map(judgeRuns(host, records).runs.map((run) => [run.record.name, run.record]));
    const holder = wanted === undefined ? undefined : taken.get(wanted);
    if (holder !== undefined) throw nameTaken(holder);
    const created: RunRecord = {
      id: newId(),
      name: wanted ?? defaultRunName(first.command, new Set(taken.keys())),
      keeper,
      ...records.here(),
      ports: [],
      ...rest,
      startedAt: new Date(host.system().nowMs).toISOString(),
      restarts: 0,
    };
    records.write(created);
    return created;
  });
  return new OpenRun(host, records, record);
}

function nameTaken({ name, keeper }: RunRecord): PortmortemError {
  return new PortmortemError("PM_RUN_NAME_TAKEN", `a run called ${name} is there already (pid ${keeper.pid})`, {
    hint: `take another --name, or end it: portmortem run --stop ${name}`,
  });
}

/** Start time and all; undefined: it is gone. */
function identityOf(host: Host, pid: number): RunProcess | undefined {
  const startTicks = host.process(pid)?.startTicks;
  return startTicks === undefined ? undefined : { pid, startTicks };
}

function newId(): string {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
    .toString(36)
    .padStart(11, "0");
}

class OpenRun implements RunRecordFile {
  readonly #host: Host;
  readonly #records: RunRecords;
  readonly #timer: NodeJS.Timeout;
  #record: RunRecord;
  #closed = false;

  constructor(host: Host, records: RunRecords, record: RunRecord) {
    this.#host = host;
    this.#records = records;
    this.#record = record;
    this.#timer = setInterval(() => this.#write(), REFRESH_MS).unref();
  }

  get record(): RunRecord {
    return this.#record;
  }

  update(change: RunChange): "ok" | { readonly why: string } {
    const { programPid, otherPids, ...changed } = change;
    const { program: before, otherPrograms: othersBefore = [], ...record } = this.#record;
    const now = programPid === undefined ? undefined : identityOf(this.#host, programPid);
    const program = "programPid" in change ? now : before;
    const others = otherPids?.flatMap((pid) => identityOf(this.#host, pid) ?? []) ?? othersBefore;
    this.#record = {
      ...record,
      ...changed,
      ...(program === undefined ? {} : { program }),
      ...(others.length === 0 ? {} : { otherPrograms: others }),
    };
    return this.#write();
  }

  #write(): "ok" | { readonly why: string } {
    if (this.#closed) return "ok";
    try {
      this.#records.write(this.#record);
      return "ok";
    } catch (error) {
      return { why: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#records.remove(this.#record.id);
  }
}
