/** The local ports that are in use towards one peer. */
import { endianness } from "node:os";
import { TIME_WAIT, readTables } from "./socket-tables.ts";

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
