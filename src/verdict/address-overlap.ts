/**
 * How addresses meet in the kernel's eyes (inet_rcv_saddr_equal and the bhash2 helpers of net/ipv4/inet_connection_sock.c). The table and the
 * experiments behind it: docs/kernel/bind.md.
 */
import type { AddressClass } from "./address-class.ts";
import { CURRENT } from "./kernel-quirks.ts";
import type { KernelQuirks } from "./kernel-quirks.ts";
import { not } from "./tri.ts";
import type { Tri } from "./tri.ts";

/** What an IPv6 socket with an address of its own has for IPv4 (LOOPBACK4_IPV6), where the kernel compares the two as IPv4. */
const DUMMY_IPV4 = "127.0.0.6";

/** Do the two addresses cover a common one, in the kernel's eyes? `N` is the new socket: one cell of the table is not symmetric. */
export function addressesOverlap(N: AddressClass, O: AddressClass, quirks: KernelQuirks = CURRENT): Tri {
  const overlap = overlapOf(N, O, quirks);
  return quirks.certain ? overlap : quirks.trust(N, O) ? overlap : undefined;
}

function overlapOf(N: AddressClass, O: AddressClass, quirks: KernelQuirks): Tri {
  switch (N.kind) {
    case "any6":
      if (N.v6only === false || O.kind === "any6" || O.kind === "ipv6") return true;
      return not(N.v6only);
    case "any4":
      switch (O.kind) {
        case "any6":
          return not(O.v6only);
        case "any4":
        case "ipv4":
          return true;
        case "ipv6":
          // The surprise: an AF_INET wildcard meets IPv6 sockets that are not V6ONLY (children of a dual-stack listener, IPv6 clients).
          return N.mapped ? false : not(O.v6only);
      }
      break;
    case "ipv4":
      switch (O.kind) {
        case "any6":
          return not(O.v6only);
        case "any4":
          return true;
        case "ipv4":
          return O.address === N.address;
        case "ipv6":
          return quirks.comparesDummyIpv4 && !N.mapped && N.address === DUMMY_IPV4 ? not(O.v6only) : false;
      }
      break;
    case "ipv6":
      return O.kind === "any6" || (O.kind === "ipv6" && O.address === N.address);
  }
}
