/**
 * /proc/net/fib_trie: the kernel's IPv4 routes as it looks them up (fib_trie_seq_show() in net/ipv4/fib_trie.c). Whether an IPv4 address can
 * be bound is a question to this table, not to the devices: bind() asks for a route of type LOCAL (inet_addr_type), and such a route can cover
 * a whole network (127.0.0.0/8, `ip route add local 10.0.0.0/8 dev lo`) or belong to a device without carrier.
 */
export interface FibEntry {
  readonly address: string;
  readonly prefixLength: number;
}

/** The LOCAL routes of all tables, each once, in the file's order. */
export function parseLocalFibEntries(text: string): FibEntry[] {
  const entries = new Map<string, FibEntry>();
  let address: string | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const leaf = /^ *\|-- (\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.exec(line);
    if (leaf !== null) {
      address = isIpv4(leaf[1]!) ? leaf[1] : undefined;
      continue;
    }
    const alias = /^ +\/(\d{1,2}) (\S+)(?: (\S+))?(?: tos=\S+)?$/.exec(line);
    if (alias === null) {
      // An inner node, a table's name or a damaged line: aliases belong to the leaf right above them.
      address = undefined;
      continue;
    }
    const prefixLength = Number(alias[1]);
    if (address === undefined || alias[3] !== "LOCAL" || prefixLength > 32) continue;
    entries.set(`${address}/${prefixLength}`, { address, prefixLength });
  }
  return [...entries.values()];
}

function isIpv4(text: string): boolean {
  return text.split(".").every((part) => Number(part) <= 255);
}
