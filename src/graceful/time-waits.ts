/** TIME-WAIT sockets of known connections, from the tables that the kernel shows in /proc/net (proc(5)). */

/**
 * How many of these are there: "8080 34076", local and remote port, of each connection whose active closer we were. Undefined where there are
 * no such tables.
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
        state === TIME_WAIT &&
        local !== undefined &&
        remote !== undefined &&
        ports.has(`${portOf(local)} ${portOf(remote)}`)
      )
        count++;
    }
  return count;
}

/** include/net/tcp_states.h */
const TIME_WAIT = "06";

function portOf(hexEndpoint: string): number {
  return Number.parseInt(hexEndpoint.slice(hexEndpoint.indexOf(":") + 1), 16);
}
