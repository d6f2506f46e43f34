/** What is written down of a running `portmortem run`, and what `--list` and `--stop` answer, as docs/run.md promises it. */
import type { Incomplete, Protocol } from "./socket.ts";

export type RunMode = "adopt" | "activate" | "plain";

export interface RunPort {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

/** A pid alone can be somebody else's tomorrow. */
export interface RunProcess {
  readonly pid: number;
  /** Clock ticks after boot. */
  readonly startTicks: number;
}

/** How the last hand-over went. */
export interface RunReload {
  /** From 1, as often as it was tried. */
  readonly number: number;
  readonly result: "handed-over" | "restarted" | "failed";
  readonly why?: string;
}

/** The file of one run, less its schema. */
export interface RunRecord {
  /** Of the record: no two have the same. */
  readonly id: string;
  /** No two that live have the same. */
  readonly name: string;
  /** The process of `portmortem run`. */
  readonly keeper: RunProcess;
  /** Pids count for one boot, in one pid namespace. Left out where the kernel does not tell. */
  readonly bootId?: string;
  readonly pidNamespace?: number;
  /** Left out while none runs. */
  readonly program?: RunProcess;
  /** Other lives of it that run, during a hand-over and until the old one has ended; left out while there is none. */
  readonly otherPrograms?: readonly RunProcess[];
  readonly command: string;
  readonly args: readonly string[];
  readonly ports: readonly RunPort[];
  readonly mode: RunMode;
  readonly cwd: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly restarts: number;
  readonly lastReload?: RunReload;
  /** So long the program has between SIGTERM and SIGKILL (`--grace`). */
  readonly graceMs: number;
}

/**
 * `kept`: keeper and program run. `down`: the keeper runs, the program does not, for now. `kept-no-more`: the keeper is dead, its program
 * lives. `elsewhere`: of another pid namespace (a container), where its pids mean other processes. `unknown`: this machine does not tell.
 */
export type RunState = "kept" | "down" | "kept-no-more" | "elsewhere" | "unknown";

export interface ListedRun {
  readonly id: string;
  readonly name: string;
  readonly state: RunState;
  readonly keeper: { readonly pid: number };
  readonly program?: { readonly pid: number };
  readonly command: string;
  readonly args: readonly string[];
  readonly ports: readonly RunPort[];
  readonly mode: RunMode;
  readonly cwd: string;
  readonly startedAt: string;
  /** Since `startedAt`, by the wall clock. */
  readonly upMs: number;
  readonly restarts: number;
  /** What is not as usual, a sentence. */
  readonly text?: string;
}

export interface RunList {
  /** The oldest first. */
  readonly runs: readonly ListedRun[];
  /** Files that are no records, or not for us to judge. */
  readonly incomplete: readonly Incomplete[];
}

export interface StoppedRun {
  readonly id: string;
  readonly name: string;
  readonly keeper: { readonly pid: number };
  readonly program?: { readonly pid: number };
  /** Something had to be ended by SIGKILL. */
  readonly killed: boolean;
  readonly text: string;
}

export interface RunNotFound {
  readonly name?: string;
  readonly port?: number;
  /** The name that was perhaps meant. */
  readonly nearest?: string;
  readonly text: string;
}

export interface RunNotStopped {
  readonly id: string;
  readonly name: string;
  /** What would help. */
  readonly lacks?: "right";
  readonly errno?: string;
  readonly text: string;
}

export interface StopRunsResult {
  readonly stopped: readonly StoppedRun[];
  readonly notFound: readonly RunNotFound[];
  readonly failed: readonly RunNotStopped[];
  readonly incomplete: readonly Incomplete[];
}

export interface ReloadedRun {
  readonly id: string;
  readonly name: string;
  readonly result: RunReload["result"];
  /** The one that runs now. */
  readonly program?: { readonly pid: number };
  readonly why?: string;
}

export interface ReloadRunsResult {
  readonly reloaded: readonly ReloadedRun[];
  readonly notFound: readonly RunNotFound[];
  readonly incomplete: readonly Incomplete[];
}
