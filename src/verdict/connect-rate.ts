/** How many connections a second a set of local ports bears, where this side closes first and each port waits. An upper bound. Pure. */
import type { ConnectSnapshot } from "../tcp/connect-snapshot.ts";
import { TIME_WAIT_MS } from "./time-wait-reuse.ts";
import type { TimeWaitReuse } from "./time-wait-reuse.ts";
import type { PortCounts } from "./why-connect.ts";

/** How long a port is out of use after this side has closed; undefined: not at all. */
export function waitMs(snapshot: ConnectSnapshot, reuse: TimeWaitReuse, counts?: PortCounts): number | undefined {
  const closedMs = waitOfClosedMs(snapshot, reuse);
  if (counts === undefined || snapshot.inForce?.choice === "bind" || !isUnclosed(counts)) return closedMs;
  return Math.max(closedMs ?? 0, finWait2Ms(snapshot));
}

/** The peer closes less often than not: the next connections, too, will hang in FIN-WAIT-2, which nothing takes again. */
export function isUnclosed({ finWait2, timeWait, reusable }: PortCounts): boolean {
  return finWait2 > timeWait + reusable;
}

/** The default of tcp_fin_timeout is as long as a TIME-WAIT. */
function finWait2Ms({ settings }: ConnectSnapshot): number {
  return settings.finTimeoutMs ?? TIME_WAIT_MS;
}

function waitOfClosedMs({ inForce, question }: ConnectSnapshot, { helps, afterMs }: TimeWaitReuse): number | undefined {
  if (helps !== true) return TIME_WAIT_MS;
  if (inForce?.choice === "bind") return question.reuseAddr ? undefined : TIME_WAIT_MS;
  return afterMs === 0 ? undefined : Math.min(afterMs, TIME_WAIT_MS);
}

/** Ports that come back again and again, over the time that each is away; of those in FIN-WAIT-2 that is never less than their own time. */
export function sustained(
  snapshot: ConnectSnapshot,
  counts: PortCounts | undefined,
  awayMs: number | undefined,
  factor = 1,
  more = 0,
): number | undefined {
  if (counts === undefined || awayMs === undefined) return undefined;
  const closed = ((counts.usable + counts.timeWait) * factor + more) / (awayMs / 1000);
  const unclosed = (counts.finWait2 * factor) / (Math.max(awayMs, finWait2Ms(snapshot)) / 1000);
  const rate = closed + unclosed;
  return rate >= 10 ? Math.floor(rate) : Math.floor(rate * 1000) / 1000;
}
