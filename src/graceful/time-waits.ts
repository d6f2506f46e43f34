/** What the kernel keeps of known connections that we closed first, from the tables that it shows in /proc/net (proc(5)). */
import { endianness } from "node:os";

/**
 * How many of these are in TIME-WAIT, or still before it, because the peer's FIN has not come yet: the `connectionKey` of each connection whose
 * active closer we were. Undefined where there are no such tables.
 */
export async function countTimeWaits(connections: ReadonlySet<string>): Promise<number | undefined> {
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
      if (connections.has(tables.slice(local, local + 4) + tables.slice(remote, remote + 4))) count++;
  }
  return count;
}

/** A connection by its ports, as the tables write them. */
export function connectionKey(localPort = 0, remotePort = 0): string {
  return [localPort, remotePort].map((port) => port.toString(16).toUpperCase().padStart(4, "0")).join("");
}

/**
 * The local ports of the sockets to a peer: those in TIME-WAIT with the time that is left in ms, others with undefined. It may be late; the kernel
 * decides. A look that has begun serves all who ask meanwhile. Undefined where there are no tables.
 */
export async function socketsTo(
  address: string,
  port: number,
): Promise<ReadonlyMap<number, number | undefined> | undefined> {
  const tables = await (looking ??= readTables().finally(() => (looking = undefined)));
  if (tables === undefined) return undefined;
  const found = new Map<number, number | undefined>();
  const words = tableWords(address);
  const isIpv6 = address.includes(":");
  const peer = `${isIpv6 ? words : words.slice(-8)}:${port.toString(16).padStart(4, "0")} `.toUpperCase();
  for (let at = tables.indexOf(peer); at !== -1; at = tables.indexOf(peer, at + 1)) {
    const start = tables.lastIndexOf(" ", at);
    // As the local address, behind the number of the line.
    if (tables[start - 1] === ":") continue;
    // The socket of an IPv6 program has an IPv4 peer as ::ffff:a.b.c.d; any other address may end in the same digits.
    if (!isIpv6 && start !== at - 1 && tables.slice(start + 1, at) !== words.slice(0, -8)) continue;
    const [state, , timer = ""] = tables.slice(at + peer.length, at + peer.length + 40).split(" ");
    const leftMs = Number.parseInt(timer.slice(3), 16) * MS_PER_JIFFY;
    found.set(Number.parseInt(tables.slice(start - 4, start), 16), state === TIME_WAIT ? leftMs : undefined);
  }
  return found;
}

let looking: Promise<string | undefined> | undefined;

async function readTables(): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  const { readFile } = await import("node:fs/promises");
  const [ipv4, ipv6 = ""] = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "latin1").catch(() => undefined)),
  );
  return ipv4 && ipv4 + ipv6;
}

/** include/net/tcp_states.h */
const TIME_WAIT = "06";
/** FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSING. */
const AFTER_OUR_CLOSE = new Set(["04", "05", TIME_WAIT, "0B"]);
/** Times are in USER_HZ, which is 100 wherever Node runs (include/asm-generic/param.h). */
const MS_PER_JIFFY = 10;

/** An address as the tables have it: words of 32 bits in the byte order of the machine (tcp6_seq_show()). IPv4 as ::ffff:a.b.c.d. */
function tableWords(address: string): string {
  const ipv6 = address.includes(":") ? address.replace(/%.*/, "") : `::ffff:${address}`;
  // The URL parser knows all spellings, and has one.
  const [head = [], tail = []] = new URL(`http://[${ipv6}]`).hostname
    .slice(1, -1)
    .split("::")
    .map((half) => half.split(":").map((group) => group && group.padStart(4, "0")));
  const [high, low] = [head.join(""), tail.join("")];
  const bytes = Buffer.from(high + "0".repeat(32 - high.length - low.length) + low, "hex");
  return (endianness() === "LE" ? bytes.swap32() : bytes).toString("hex").toUpperCase();
}
