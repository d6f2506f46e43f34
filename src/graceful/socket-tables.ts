/** The TCP sockets that the kernel shows in /proc/net (proc(5)). */

/**
 * The text of both tables, or undefined where there are none. The kernel gives no more than a page, some 25 sockets, at once: going through
 * Node's threads for each page would take five times as long, so the pages are read here, for a few milliseconds at a time.
 */
export async function readTables(): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  const ipv4 = await readTable("/proc/net/tcp");
  return ipv4 && ipv4 + ((await readTable("/proc/net/tcp6")) ?? "");
}

async function readTable(path: string): Promise<string | undefined> {
  const { closeSync, openSync, readSync } = await import("node:fs");
  const pages: string[] = [];
  const page = Buffer.allocUnsafe(PAGE_BYTES);
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    for (
      let sliceEndsAt = performance.now() + SLICE_MS, count;
      (count = readSync(fd, page, 0, PAGE_BYTES, null)) > 0;
    ) {
      pages.push(page.toString("latin1", 0, count));
      if (performance.now() < sliceEndsAt) continue;
      await new Promise((resolve) => setImmediate(resolve));
      sliceEndsAt = performance.now() + SLICE_MS;
    }
    return pages.join("");
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const PAGE_BYTES = 65_536;
const SLICE_MS = 4;

/** include/net/tcp_states.h */
export const TIME_WAIT = "06";
