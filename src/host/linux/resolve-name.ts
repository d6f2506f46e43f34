/** A name's addresses by the system's resolver (getaddrinfo), in the order in which programs try them. */
import { lookup } from "node:dns";
import type { NameAnswer } from "../host.ts";

export function resolveName(name: string): Promise<NameAnswer> {
  return new Promise((resolve) => {
    lookup(name, { all: true, verbatim: true }, (error, addresses) => {
      if (error !== null) resolve({ errno: error.code ?? error.message });
      else resolve({ addresses: addresses.map(({ address }) => address) });
    });
  });
}
