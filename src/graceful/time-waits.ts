/** What the kernel keeps of known connections that we closed first, from the tables that it shows in /proc/net (proc(5)). */

/**
 * How many of these are in TIME-WAIT, or still before it, because the peer's FIN has not come yet: "8080 34076", local and remote port, of each
 * connection whose active closer we were. Undefined where there are no such tables.
 */
export async function countTimeWaits(ports: ReadonlySet<string>): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  if (ports.size === 0) return 0;
  const { readFile } = await import("node:fs/promises");
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "latin1").catch(() => undefined)),
  );
  if (tables[0] === undefined) return undefined;
  let count = 0;
  for (const table of tables)
    for (const line of (table ?? "").split("\n")) {
      const [, local, remote, state] = line.trim().split(/\s+/, 4);
      if (
        state !== undefined &&
        AFTER_OUR_CLOSE.has(state) &&
        local !== undefined &&
        remote !== undefined &&
        ports.has(`${portOf(local)} ${portOf(remote)}`)
      )
        count++;
    }
  return count;
}

/** FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSING: include/net/tcp_states.h. */
const AFTER_OUR_CLOSE = new Set(["04", "05", "06", "0B"]);

function portOf(hexEndpoint: string): number {
  return Number.parseInt(hexEndpoint.slice(hexEndpoint.indexOf(":") + 1), 16);
}
