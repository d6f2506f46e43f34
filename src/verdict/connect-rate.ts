/** How many connections a second a set of local ports bears, where this side closes first and each port waits. An upper bound. Pure. */
import type { ConnectSnapshot } from "../tcp/connect-snapshot.ts";
import { TIME_WAIT_MS } from "./time-wait-reuse.ts";
import type { TimeWaitReuse } from "./time-wait-reuse.ts";
import type { PortCounts } from "./why-connect.ts";

/** How long a port is out of use after this side has closed; undefined: not at all. */
export function waitMs({ inForce, question }: ConnectSnapshot, { helps, afterMs }: TimeWaitReuse): number | undefined {
  if (helps !== true) return TIME_WAIT_MS;
  if (inForce?.choice === "bind") return question.reuseAddr ? undefined : TIME_WAIT_MS;
  return afterMs === 0 ? undefined : Math.min(afterMs, TIME_WAIT_MS);
}

/** Ports that come back again and again, over the time that each is away. */
export function sustained(
  counts: PortCounts | undefined,
  awayMs: number | undefined,
  factor = 1,
  more = 0,
): number | undefined {
  if (counts === undefined || awayMs === undefined) return undefined;
  const rate = ((counts.usable + counts.timeWait + counts.finWait2) * factor + more) / (awayMs / 1000);
  return rate >= 10 ? Math.floor(rate) : Math.floor(rate * 1000) / 1000;
}
