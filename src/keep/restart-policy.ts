/** Whether and when an ended program is started again. Pure: time is told, not asked. */
import type { ProgramEnd } from "../host/keeping.ts";

export interface RestartPolicy {
  readonly restart: "on-failure" | "always" | "never";
  /** The wait before a restart: `firstMs`, twice as long each time, at most `mostMs`. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** A program that lived for so long was well: it is started again at once, and the waits begin anew. */
  readonly healthyMs: number;
  /** More restarts than this within the period end it. */
  readonly most?: { readonly count: number; readonly periodMs: number };
}

export const DEFAULT_RESTARTS: RestartPolicy = {
  restart: "on-failure",
  firstMs: 100,
  mostMs: 30_000,
  healthyMs: 10_000,
};

/** What has happened so far. */
export interface RestartHistory {
  /** Restarts since the program was last well. */
  readonly inARow: number;
  /** When it was started again, within the period that `most` looks at. */
  readonly restartsAtMs: readonly number[];
}

export const NO_RESTARTS: RestartHistory = { inARow: 0, restartsAtMs: [] };

export type AfterEnd =
  | { readonly kind: "restart"; readonly delayMs: number; readonly history: RestartHistory }
  | { readonly kind: "give-up"; readonly because: "ended" | "never" | "too-many-restarts" };

export function isFailure(end: ProgramEnd): boolean {
  return "signal" in end || end.status !== 0;
}

export function judgeEnd(
  policy: RestartPolicy,
  history: RestartHistory,
  end: ProgramEnd,
  times: { readonly startedAtMs: number; readonly endedAtMs: number },
): AfterEnd {
  if (policy.restart === "never") return { kind: "give-up", because: "never" };
  if (policy.restart === "on-failure" && !isFailure(end)) return { kind: "give-up", because: "ended" };
  const { startedAtMs, endedAtMs } = times;
  const { most } = policy;
  const recent = most === undefined ? [] : history.restartsAtMs.filter((at) => at > endedAtMs - most.periodMs);
  if (most !== undefined && recent.length >= most.count) return { kind: "give-up", because: "too-many-restarts" };
  const wasWell = endedAtMs - startedAtMs >= policy.healthyMs;
  const inARow = wasWell ? 0 : history.inARow;
  // 2 ** 1024 is Infinity, and the least of it and the limit is the limit.
  const delayMs = wasWell ? 0 : Math.min(policy.firstMs * 2 ** inARow, policy.mostMs);
  return {
    kind: "restart",
    delayMs,
    history: {
      inARow: inARow + 1,
      restartsAtMs: most === undefined ? [] : [...recent, endedAtMs + delayMs],
    },
  };
}
