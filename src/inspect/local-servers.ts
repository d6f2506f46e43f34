/** Which addresses a listener of this machine answers at. A connection to one of them was opened by connect(), not accepted. */
import type { Host } from "../host/host.ts";
import { unmapped } from "../tcp/ip-address.ts";
import { maskOf } from "../tcp/states.ts";
import { dumpAll } from "./dump.ts";

/** A dump of the listeners, 50 µs, and the addresses of this machine. */
export class LocalServers {
  /** By port: where its listeners are bound. */
  readonly #bound = new Map<number, Set<string>>();
  readonly #own: ReadonlySet<string>;

  constructor(host: Host, localAddresses: readonly string[]) {
    this.#own = new Set(localAddresses);
    dumpAll(host, { protocol: "tcp", states: maskOf("LISTEN") }, ({ local, v6only }) => {
      const addresses = this.#bound.get(local.port) ?? new Set();
      addresses.add(withoutScope(unmapped(local.address)));
      // A kernel that does not tell is taken for one with the default.
      if (local.address === "::" && v6only !== true) addresses.add("0.0.0.0");
      this.#bound.set(local.port, addresses);
    });
  }

  /** Does a connection to this address and port reach one of them? */
  has(address: string, port: number): boolean {
    const bound = this.#bound.get(port);
    if (bound === undefined) return false;
    const plain = unmapped(address);
    const own = plain.startsWith("127.") || this.#own.has(withoutScope(plain));
    return own && (bound.has(withoutScope(plain)) || bound.has(plain.includes(":") ? "::" : "0.0.0.0"));
  }
}

function withoutScope(address: string): string {
  return address.split("%", 1)[0]!;
}
