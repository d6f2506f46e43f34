/** Connections that went out from here, by where they went: each takes a local port that no other one to the same place can have. */
import type { DestinationUse } from "../tcp/health-snapshot.ts";

interface Use {
  readonly localAddress: string;
  readonly address: string;
  readonly port: number;
  open: number;
  timeWait: number;
}

/** A crawler has a hundred thousand destinations with one connection each: those are forgotten, as none of them is short of ports. */
const MOST_DESTINATIONS = 20_000;

export class DestinationCensus {
  /** By local address, remote address and remote port. Numbers and texts that come again: nothing is made for a socket. */
  readonly #uses = new Map<string, Map<string, Map<number, Use>>>();
  #count = 0;

  add(localAddress: string, address: string, port: number, timeWait: boolean): void {
    const use = this.#uses.get(localAddress)?.get(address)?.get(port) ?? this.#first(localAddress, address, port);
    if (timeWait) use.timeWait++;
    else use.open++;
  }

  #first(localAddress: string, address: string, port: number): Use {
    if (this.#count >= MOST_DESTINATIONS) this.#forgetRare();
    this.#count++;
    let byAddress = this.#uses.get(localAddress);
    if (byAddress === undefined) this.#uses.set(localAddress, (byAddress = new Map()));
    let byPort = byAddress.get(address);
    if (byPort === undefined) byAddress.set(address, (byPort = new Map()));
    const use = { localAddress, address, port, open: 0, timeWait: 0 };
    byPort.set(port, use);
    return use;
  }

  #forgetRare(): void {
    for (let least = 1; this.#count > MOST_DESTINATIONS / 2; least *= 2)
      for (const byAddress of this.#uses.values())
        for (const [address, byPort] of byAddress) {
          for (const [port, { open, timeWait }] of byPort)
            if (open + timeWait <= least) {
              byPort.delete(port);
              this.#count--;
            }
          if (byPort.size === 0) byAddress.delete(address);
        }
  }

  /** Those that use the most local ports first. */
  top(most: number): DestinationUse[] {
    return this.#all()
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
    for (const { address, port, timeWait } of this.#all()) {
      if (timeWait === 0) continue;
      const key = `${address} ${port}`;
      const known = peers.get(key);
      if (known === undefined) peers.set(key, { address, port, count: timeWait });
      else known.count += timeWait;
    }
    return [...peers.values()].sort((a, b) => b.count - a.count).slice(0, most);
  }

  #all(): Use[] {
    return [...this.#uses.values()].flatMap((byAddress) =>
      [...byAddress.values()].flatMap((byPort) => [...byPort.values()]),
    );
  }
}
