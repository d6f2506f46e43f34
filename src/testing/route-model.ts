/** The fake machine's routes: its own addresses lead to themselves, its first other address of the family leads everywhere else. */
import type { SourceAnswer, SourceQuestion } from "../host/host.ts";
import type { Namespace } from "./fake-world.ts";

export function routeOn({ addresses, ipv6 }: Namespace, { remote, from }: SourceQuestion): SourceAnswer {
  const family = remote.includes(":") ? "ipv6" : "ipv4";
  if (family === "ipv6" && !ipv6) return { errno: "EAFNOSUPPORT", step: "socket" };
  const own = (address: string): boolean =>
    isLoopback(address) || addresses.some((each) => each.address === address.split("%")[0]);
  if (from !== undefined) {
    if (!own(from)) return { errno: "EADDRNOTAVAIL", step: "bind" };
    // A packet of 127.0.0.1 never leaves the machine (ip_route_output_key_hash, "martian").
    return isLoopback(from) && !own(remote) ? { errno: "EINVAL", step: "connect" } : { source: from };
  }
  // The route of the whole network 127.0.0.0/8 has this source.
  if (isLoopback(remote)) return { source: family === "ipv6" ? "::1" : "127.0.0.1" };
  if (own(remote)) return { source: remote };
  const way = addresses.find((each) => each.family === family && !isLoopback(each.address));
  return way === undefined ? { errno: "ENETUNREACH", step: "connect" } : { source: way.address };
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
