/** When many sockets in a state that a program should have left are a finding, and of which level. Pure. */
import type { SocketGroup } from "../../tcp/health-snapshot.ts";
import type { FindingLevel } from "./finding.ts";

/** Pools keep a few that the other side has closed, and find out at the next use: a handful is healthy at any age. */
export const A_FEW = 10;
/** No pool is that slow to notice with so many. */
export const MANY = 100;
/** Somebody who reads until the end closes within milliseconds; after a second none of them is merely fresh. */
export const FRESH_MS = 1000;
/** Longer than idle pools are swept by default (HikariCP, Go's net/http, Node's agents: 5 s to 10 min). */
export const FORGOTTEN_MS = 600_000;

/** `lasting`: from which age on many of them will not go away by themselves. `grown`: since an earlier look; then it is seen to get worse. */
export function pileLevel(
  { count, longestSilentMs }: SocketGroup,
  { lastingMs, grown = 0 }: { readonly lastingMs: number; readonly grown?: number | undefined },
): FindingLevel | undefined {
  // How old they are was not told: no reason to alarm.
  if (longestSilentMs === undefined) return count >= MANY ? "info" : undefined;
  if (count >= MANY && (longestSilentMs >= lastingMs || (grown >= A_FEW && longestSilentMs >= FRESH_MS)))
    return "warning";
  if (count >= MANY && longestSilentMs >= FRESH_MS) return "info";
  return count >= A_FEW && longestSilentMs >= FORGOTTEN_MS ? "info" : undefined;
}
