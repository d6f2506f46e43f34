/**
 * Who runs: every process cheaply, for the search of owners to choose from, and one process closely.
 *
 * Measured on 300 processes: the directory of a process tells its effective user (task_dump_owner() in fs/proc/base.c), the size of its `fd`
 * directory the number of descriptors (proc_readfd_count(), since Linux 6.2). Both need no right; the namespace needs that of ptrace.
 */
import { readdirSync, statSync } from "node:fs";
import { commandName, parseCmdline } from "../../wire/procfs/cmdline.ts";
import { parseCgroup } from "../../wire/procfs/cgroup.ts";
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import type { ProcessFacts, ProcessSummary } from "../host.ts";
import { readNetnsInode } from "./netns-link.ts";
import type { ReadLink } from "./read-file.ts";
import { readLinkByFs, readText, withoutStackTraces } from "./read-file.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

/** Clock ticks of procfs: USER_HZ is 100 on every architecture that Node runs on. */
const TICK_MS = 10;

/** After so many refusals for one user's processes, without any success, the rest of them are not tried. */
const REFUSALS = 3;

export interface ProcessTableOptions {
  readonly roots?: SystemRoots;
  readonly readLink?: ReadLink;
  readonly nowMs?: () => number;
  /** Default: the effective user of this process. */
  readonly selfUid?: number;
}

export class ProcessTable {
  readonly #proc: string;
  readonly #readLink: ReadLink;
  readonly #nowMs: () => number;
  readonly #selfUid: number | undefined;
  #bootMs: number | undefined;

  constructor(options: ProcessTableOptions = {}) {
    this.#proc = (options.roots ?? SYSTEM_ROOTS).proc;
    this.#readLink = options.readLink ?? readLinkByFs;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#selfUid = options.selfUid ?? process.geteuid?.();
  }

  /** In the order of /proc, which is by pid. A process that ends meanwhile is left out or told in part. */
  processes(): ProcessSummary[] {
    return withoutStackTraces(() => {
      const fdSizesTold = (sizeOf(`${this.#proc}/self/fd`) ?? 0) > 0;
      const refusals = new Map<number, number>();
      const found: ProcessSummary[] = [];
      for (const name of processNames(this.#proc)) {
        const directory = `${this.#proc}/${name}`;
        const uid = ownerOf(directory);
        if (uid === undefined) continue;
        const fdCount = fdSizesTold ? sizeOf(`${directory}/fd`) : undefined;
        const netns = this.#netnsUnlessRefused(directory, uid, refusals);
        found.push({
          pid: Number(name),
          ...(netns === undefined ? {} : { netns }),
          uid,
          ...(fdCount === undefined ? {} : { fdCount }),
        });
      }
      return found;
    });
  }

  /** The network namespace of each that tells it. Half of the work of `processes()`, as long as hardly any refuses. */
  namespaces(): Pick<ProcessSummary, "pid" | "netns">[] {
    return withoutStackTraces(() => {
      const found: Pick<ProcessSummary, "pid" | "netns">[] = [];
      const refusals = new Map<number, number>();
      for (const name of processNames(this.#proc)) {
        const directory = `${this.#proc}/${name}`;
        const netns = readNetnsInode(`${directory}/ns/net`, this.#readLink);
        if (netns !== undefined) {
          found.push({ pid: Number(name), netns });
          continue;
        }
        const uid = ownerOf(directory);
        if (uid === undefined || uid === this.#selfUid) continue;
        // One or two can be more privileged than root here, as the first process of a container's host. This user's right ends where more refuse.
        const refused = (refusals.get(uid) ?? 0) + 1;
        if (refused >= REFUSALS) return this.processes();
        refusals.set(uid, refused);
      }
      return found;
    });
  }

  /** Undefined when there is no such process (any more), or when /proc hides it. */
  process(pid: number): ProcessFacts | undefined {
    const directory = `${this.#proc}/${pid}`;
    const stat = parseProcessStat(readText(`${directory}/stat`) ?? "");
    if (stat === undefined) return undefined;
    const args = parseCmdline(readText(`${directory}/cmdline`) ?? "");
    const cgroup = parseCgroup(readText(`${directory}/cgroup`) ?? "");
    const uid = ownerOf(directory);
    const netns = readNetnsInode(`${directory}/ns/net`, this.#readLink);
    const bootMs = this.#readBootMs();
    return {
      pid,
      parentPid: stat.parentPid,
      processGroup: stat.processGroup,
      sessionId: stat.sessionId,
      command: commandName(stat.command, args),
      args,
      state: stat.state,
      startTicks: stat.startTicks,
      ...(bootMs === undefined ? {} : { startedAtMs: Math.round(bootMs + stat.startTicks * TICK_MS) }),
      ...(uid === undefined ? {} : { uid }),
      ...(cgroup.path === undefined ? {} : { cgroup: cgroup.path }),
      ...(cgroup.unit === undefined ? {} : { unit: cgroup.unit }),
      ...(cgroup.container === undefined ? {} : { container: cgroup.container }),
      ...(netns === undefined ? {} : { netns }),
    };
  }

  /** For an ordinary user all processes of others refuse, and each refusal costs as much as all else about a process. */
  #netnsUnlessRefused(directory: string, uid: number, refusals: Map<number, number>): number | undefined {
    const before = refusals.get(uid) ?? 0;
    // One's own are always tried: some of them can be in another user namespace, and refuse, while the rest do not.
    if (before >= REFUSALS && uid !== this.#selfUid) return undefined;
    const netns = readNetnsInode(`${directory}/ns/net`, this.#readLink);
    refusals.set(uid, netns === undefined ? before + 1 : Number.NEGATIVE_INFINITY);
    return netns;
  }

  /**
   * When start times count from. /proc/uptime is in hundredths of a second and in the reader's time namespace, as start times are;
   * `btime` of /proc/stat is in whole seconds and costs far more to read.
   */
  #readBootMs(): number | undefined {
    if (this.#bootMs === undefined) {
      const uptime = /^(\d+\.\d\d) /.exec(readText(`${this.#proc}/uptime`) ?? "");
      if (uptime !== null) this.#bootMs = this.#nowMs() - Number(uptime[1]) * 1000;
    }
    return this.#bootMs;
  }
}

function processNames(proc: string): string[] {
  try {
    return readdirSync(proc).filter((name) => /^[1-9]\d{0,9}$/.test(name));
  } catch {
    return [];
  }
}

function ownerOf(directory: string): number | undefined {
  try {
    return statSync(directory, { throwIfNoEntry: false })?.uid;
  } catch {
    return undefined;
  }
}

function sizeOf(directory: string): number | undefined {
  try {
    return statSync(directory, { throwIfNoEntry: false })?.size;
  } catch {
    return undefined;
  }
}
