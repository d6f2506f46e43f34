/**
 * Whom the matched connections went to, from ports that connect() gives away: what runs out after thousands of short connections to one
 * server.
 */
import type { Host } from "../host/host.ts";
import { unmapped } from "../tcp/ip-address.ts";
import { parseSysctlPortRange } from "../tcp/sysctl-values.ts";

/** With more peers than this nobody has run out of ports to one of them. */
const MOST_PEERS = 3;
/** Fewer than this make no difference. */
const FEWEST = 16;

/** A pair of addresses for which there is one range of local ports. */
export interface PeerPair {
  readonly localAddress: string;
  readonly address: string;
  readonly port: number;
}

interface Tally extends PeerPair {
  count: number;
}

export class PeerTally {
  readonly #range: { readonly first: number; readonly last: number } | undefined;
  readonly #tallies = new Map<string, Tally>();
  #tooMany = false;
  #last: Tally | undefined;

  constructor(host: Host) {
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

  /** Those that took so many ports that it matters; none where there are many such. A link-local address is not one without its device. */
  peers(): readonly PeerPair[] {
    const large = [...this.#tallies.values()].filter(({ count }) => count >= FEWEST);
    if (this.#tooMany || large.length > MOST_PEERS) return [];
    return large
      .filter(({ address }) => !/^fe[89ab]/.test(address))
      .map(({ localAddress, address, port }) => ({
        localAddress: unmapped(localAddress),
        address: unmapped(address),
        port,
      }));
  }
}
