/** What the kernel keeps of known connections that we closed first, from the tables that it shows in /proc/net (proc(5)). */
import { TIME_WAIT, readTables } from "./socket-tables.ts";

/**
 * How many of these are in TIME-WAIT, or still before it, because the peer's FIN has not come yet: the `connectionKey` of each connection whose
 * active closer we were. Undefined where there are no such tables.
 */
export async function countTimeWaits(connections: ReadonlySet<number>): Promise<number | undefined> {
  if (connections.size === 0 && process.platform === "linux") return 0;
  const tables = await readTables();
  if (tables === undefined) return undefined;
  let count = 0;
  // "  12: ADDRESS:PORT ADDRESS:PORT ST …", cut by hand: there may be tens of thousands, and the end of a drain waits for it.
  for (let at = 0, end = tables.indexOf("\n"); end !== -1; at = end + 1, end = tables.indexOf("\n", at)) {
    const local = tables.indexOf(":", tables.indexOf(":", at) + 1) + 1;
    const remote = tables.indexOf(":", local) + 1;
    // A head of the table has no such words.
    if (remote < end && AFTER_OUR_CLOSE.has(tables.slice(remote + 5, remote + 7)))
      if (connections.has(connectionKey(portAt(tables, local), portAt(tables, remote)))) count++;
  }
  return count;
}

/** A connection of this machine by its ports. */
export function connectionKey(localPort = 0, remotePort = 0): number {
  return (localPort << 16) | remotePort;
}

function portAt(tables: string, at: number): number {
  return Number.parseInt(tables.slice(at, at + 4), 16);
}

/** FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSING. */
const AFTER_OUR_CLOSE = new Set(["04", "05", TIME_WAIT, "0B"]);
