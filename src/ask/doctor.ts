/** `doctor` as a function: gather, then let each finding look at it. */
import { PortmortemError } from "../base/errors.ts";
import { nearestWord } from "../base/nearest-word.ts";
import { gatherHealth } from "../inspect/health-facts.ts";
import type { LookedThrough } from "../inspect/health-facts.ts";
import type { HealthSnapshot } from "../tcp/health-snapshot.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { auditSysctls } from "../verdict/audit-sysctls.ts";
import type { SysctlAudit } from "../verdict/audit-sysctls.ts";
import { FINDING_LEVELS } from "../verdict/findings/finding.ts";
import type { Finding, FindingDefinition, FindingLevel } from "../verdict/findings/finding.ts";
import { FINDINGS } from "../verdict/findings/table.ts";
import { SYSCTLS } from "../verdict/sysctl-table.ts";
import { enterCommand, hostFor } from "./hosts.ts";
import { requireKnownOptions } from "./known-options.ts";
import type { HostOptions } from "./hosts.ts";

export interface DoctorOptions extends HostOptions {
  /** Codes of findings: only these are looked for. */
  readonly only?: readonly string[];
  /** Only findings of this level or worse (default: info, all of them). */
  readonly level?: FindingLevel;
  /** Look twice, so far apart: only then can be said what grows. A host that is no running machine is not waited for. */
  readonly watchMs?: number;
  /** Called while sockets and processes are read. */
  readonly onProgress?: (done: number, what: "sockets" | "processes") => void;
  /** Called once a second between two looks. */
  readonly onWait?: (remainingMs: number) => void;
  readonly signal?: AbortSignal;
}

export interface DoctorReport {
  /** The worst first; of the level that was asked for, or worse. */
  readonly findings: readonly Finding[];
  /** How many more there are below that level. */
  readonly hidden: number;
  /** What each setting that folklore turns is here, what it really does, and whether it does harm. */
  readonly sysctls: readonly SysctlAudit[];
  /** How much was looked at. */
  readonly looked: LookedThrough;
  readonly incomplete: readonly Incomplete[];
}

/** What findings look at besides the settings that `explain` knows. */
const SETTINGS = [
  // The limits of TIME-WAIT, orphans and handshakes are made of it (tcp_set_hashinfo).
  "net.ipv4.tcp_ehash_entries",
  "fs.file-max",
  "fs.file-nr",
  "fs.nr_open",
];

/** A day: longer is no look but a job for a monitoring system. */
const MOST_WATCH_MS = 86_400_000;
const SECOND_MS = 1000;

/** What is wrong with this machine's TCP, or about to be. Changes nothing. Throws PM_USAGE for unknown codes and levels. */
export async function doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  return (await examine(options)).report;
}

/** The same, with what it was judged by. */
export async function examine(
  options: DoctorOptions = {},
): Promise<{ readonly report: DoctorReport; readonly snapshot: HealthSnapshot }> {
  options.signal?.throwIfAborted();
  requireKnownOptions("doctor()", options, [
    "host",
    "netns",
    "only",
    "level",
    "watchMs",
    "onProgress",
    "onWait",
    "signal",
  ]);
  const definitions = definitionsOf(options.only);
  const least = rankOf(options.level ?? "info");
  const watchMs = settleWatch(options.watchMs);
  const host = hostFor(options);
  const request = {
    settings: [...SYSCTLS.map(({ name }) => name), ...SETTINGS],
    ...(options.netns === undefined ? {} : { enterCommand: enterCommand(options.netns), netns: String(options.netns) }),
    ...(options.onProgress === undefined ? {} : { progress: options.onProgress }),
  };
  let { snapshot, looked } = await gatherHealth(host, request, options.signal);
  if (watchMs !== undefined) {
    if (host.kind === "linux") await wait(watchMs, options);
    const before = snapshot.now;
    // All of it again, not its sockets only: a recording of this can then be asked without --watch too.
    ({ snapshot, looked } = await gatherHealth(host.again(), { ...request, before }, options.signal));
  }
  const all = definitions.flatMap(({ find }) => find(snapshot));
  const findings = all
    .filter(({ level }) => rankOf(level) >= least)
    // The order of the table among equals: sorting is stable.
    .sort((a, b) => rankOf(b.level) - rankOf(a.level));
  return {
    report: {
      findings,
      hidden: all.length - findings.length,
      sysctls: auditSysctls(snapshot),
      looked,
      incomplete: snapshot.incomplete,
    },
    snapshot,
  };
}

function definitionsOf(codes: readonly string[] | undefined): readonly FindingDefinition[] {
  if (codes === undefined) return FINDINGS;
  const known = FINDINGS.map(({ code }) => code);
  for (const code of codes) {
    if (known.includes(code)) continue;
    const near = known.find((one) => code !== "" && one.startsWith(code)) ?? nearestWord(code, known);
    throw new PortmortemError("PM_USAGE", `there is no finding ${JSON.stringify(code)}`, {
      hint: near === undefined ? `there are: ${known.join(", ")}` : `did you mean ${near}?`,
    });
  }
  return FINDINGS.filter(({ code }) => codes.includes(code));
}

function rankOf(level: string): number {
  const rank = (FINDING_LEVELS as readonly string[]).indexOf(level);
  if (rank >= 0) return rank;
  throw new PortmortemError("PM_USAGE", `${JSON.stringify(level)} is no level`, {
    hint: `there are: ${FINDING_LEVELS.join(", ")}`,
  });
}

function settleWatch(watchMs: number | undefined): number | undefined {
  if (watchMs === undefined || (watchMs > 0 && watchMs <= MOST_WATCH_MS)) return watchMs;
  throw new PortmortemError("PM_USAGE", "the time between two looks is more than 0 seconds, and a day at most", {
    hint: "10 seconds show what grows quickly",
  });
}

async function wait(watchMs: number, { onWait, signal }: DoctorOptions): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  const until = Date.now() + watchMs;
  for (let left = watchMs; left > 0; left = until - Date.now()) {
    onWait?.(left);
    await sleep(Math.min(left, SECOND_MS), undefined, signal === undefined ? {} : { signal });
  }
}
