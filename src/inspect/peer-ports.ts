/**
 * Local ports from which a connection to a peer can start: what runs out after thousands of short connections to one server. connect()
 * needs a port of ip_local_port_range that is not reserved, that nobody listens on, and whose pair with this peer is not taken, not even by
 * a TIME-WAIT (inet_hash_connect; what tcp_tw_reuse allows besides is not counted).
 */
import type { Host } from "../host/host.ts";
import type { PeerPorts } from "../tcp/drop-result.ts";
import { allOf, portRange } from "../tcp/filter/filter.ts";
import { ALL_STATES, maskOf } from "../tcp/states.ts";
import { parseSysctlPortList, parseSysctlPortRange } from "../tcp/sysctl-values.ts";
import { dumpAll, listeningPorts } from "./dump.ts";

/** With more peers than this nobody has run out of ports to one of them. */
const MOST_PEERS = 3;
/** Fewer than this make no difference. */
const FEWEST = 16;

export interface FreePorts extends Omit<PeerPorts, "before" | "after"> {
  readonly free: number;
}

interface Tally {
  readonly localAddress: string;
  readonly address: string;
  readonly port: number;
  count: number;
}

/** Which peers the matched connections went to, from ports that outgoing connections use. */
export class PeerTally {
  readonly #host: Host;
  readonly #range: { readonly first: number; readonly last: number } | undefined;
  readonly #tallies = new Map<string, Tally>();
  #tooMany = false;
  #last: Tally | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#range = parseSysctlPortRange(host.sysctl("net.ipv4.ip_local_port_range"));
  }

  add(localAddress: string, localPort: number, address: string, port: number): void {
    const range = this.#range;
    if (this.#tooMany || range === undefined || localPort < range.first || localPort > range.last) return;
    let tally = this.#last;
    if (tally?.port !== port || tally.address !== address || tally.localAddress !== localAddress) {
      const key = `${localAddress}|${address}|${port}`;
      tally = this.#tallies.get(key);
      if (tally === undefined) this.#tallies.set(key, (tally = { localAddress, address, port, count: 0 }));
      this.#last = tally;
      // A server's clients come from everywhere: each is a peer of its own.
      if (this.#tallies.size > MOST_PEERS * 100) this.#tooMany = true;
    }
    tally.count++;
  }

  /** How many ports are left to each of the peers, now. */
  count(): readonly FreePorts[] {
    const range = this.#range;
    const large = [...this.#tallies.values()].filter(({ count }) => count >= FEWEST);
    if (range === undefined || this.#tooMany || large.length > MOST_PEERS) return [];
    const reserved = new Set<number>();
    for (const { first, last } of parseSysctlPortList(this.#host.sysctl("net.ipv4.ip_local_reserved_ports")) ?? [])
      for (let port = Math.max(first, range.first); port <= Math.min(last, range.last); port++) reserved.add(port);
    const listening = [...listeningPorts(this.#host)].filter(
      (port) => port >= range.first && port <= range.last && !reserved.has(port),
    );
    const of = range.last - range.first + 1 - reserved.size;
    return large.map(({ localAddress, address, port }) => {
      const taken = new Set(listening);
      const filter = allOf([
        { kind: "host", side: "local", address: localAddress, prefixLength: bitsOf(localAddress) },
        { kind: "host", side: "remote", address, prefixLength: bitsOf(address) },
        portRange("remote", port, port),
        portRange("local", range.first, range.last),
      ]);
      dumpAll(this.#host, { protocol: "tcp", states: ALL_STATES & ~maskOf("LISTEN", "BOUND"), filter }, ({ local }) => {
        if (!reserved.has(local.port)) taken.add(local.port);
      });
      return { peer: { address, port }, localAddress, of, free: of - taken.size };
    });
  }
}

function bitsOf(address: string): number {
  return address.includes(":") ? 128 : 32;
}
