/** Connections that went out from here, by where they went: each takes a local port that no other one to the same place can have. */
import type { DestinationUse } from "../tcp/health-snapshot.ts";

interface Use {
  readonly localAddress: string;
  readonly address: string;
  readonly port: number;
  open: number;
  timeWait: number;
  /** In TIME-WAIT, with a local port that the program chose by itself. */
  chosenTimeWait: number;
}

/** A crawler has a hundred thousand destinations with one connection each: those are forgotten, as none of them is short of ports. */
const MOST_DESTINATIONS = 20_000;

export class DestinationCensus {
  /** By local address, remote address and remote port. Numbers and texts that come again: nothing is made for a socket. */
  readonly #uses = new Map<string, Map<string, Map<number, Use>>>();
  #count = 0;

  /** `chosen`: the local port is none that connect() takes, so it is no use of those. */
  add(localAddress: string, address: string, port: number, timeWait: boolean, chosen = false): void {
    if (chosen && !timeWait) return;
    const use = this.#uses.get(localAddress)?.get(address)?.get(port) ?? this.#first(localAddress, address, port);
    if (chosen) use.chosenTimeWait++;
    else if (timeWait) use.timeWait++;
    else use.open++;
  }

  #first(localAddress: string, address: string, port: number): Use {
    if (this.#count >= MOST_DESTINATIONS) this.#forgetRare();
    this.#count++;
    let byAddress = this.#uses.get(localAddress);
    if (byAddress === undefined) this.#uses.set(localAddress, (byAddress = new Map()));
    let byPort = byAddress.get(address);
    if (byPort === undefined) byAddress.set(address, (byPort = new Map()));
    const use = { localAddress, address, port, open: 0, timeWait: 0, chosenTimeWait: 0 };
    byPort.set(port, use);
    return use;
  }

  #forgetRare(): void {
    for (let least = 1; this.#count > MOST_DESTINATIONS / 2; least *= 2)
      for (const byAddress of this.#uses.values())
        for (const [address, byPort] of byAddress) {
          for (const [port, { open, timeWait, chosenTimeWait }] of byPort)
            if (open + timeWait + chosenTimeWait <= least) {
              byPort.delete(port);
              this.#count--;
            }
          if (byPort.size === 0) byAddress.delete(address);
        }
  }

  /** Those that use the most local ports first. */
  top(most: number): DestinationUse[] {
    return this.#all()
      .filter(({ open, timeWait }) => open + timeWait > 0)
      .sort((a, b) => b.open + b.timeWait - (a.open + a.timeWait))
      .slice(0, most)
      .map(({ localAddress, address, port, open, timeWait }) => ({
        localAddress,
        remote: { address, port },
        open,
        timeWait,
      }));
  }

  /** Where the connections in TIME-WAIT went, whatever local address they had; the most first. */
  timeWaitPeers(most: number): { readonly address: string; readonly port: number; readonly count: number }[] {
    const peers = new Map<string, { readonly address: string; readonly port: number; count: number }>();
    for (const { address, port, timeWait, chosenTimeWait } of this.#all()) {
      const count = timeWait + chosenTimeWait;
      if (count === 0) continue;
      const key = `${address} ${port}`;
      const known = peers.get(key);
      if (known === undefined) peers.set(key, { address, port, count });
      else known.count += count;
    }
    return [...peers.values()].sort((a, b) => b.count - a.count).slice(0, most);
  }

  #all(): Use[] {
    return [...this.#uses.values()].flatMap((byAddress) =>
      [...byAddress.values()].flatMap((byPort) => [...byPort.values()]),
    );
  }
}
