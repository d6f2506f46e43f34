/**
 * How addresses meet in the kernel's eyes (inet_rcv_saddr_equal and the bhash2 helpers of net/ipv4/inet_connection_sock.c). The table and the
 * experiments behind it: docs/kernel/bind.md.
 */
import type { KernelQuirks } from "./kernel-quirks.ts";

/** True, false, or undefined where it hangs on something that is not known. */
export type Tri = boolean | undefined;

/** How an address takes part in conflicts. */
export type AddressClass =
  /** V6ONLY is undefined where it is not told: /proc/net does not say it, and of connections nothing does. */
  | { readonly kind: "any6"; readonly v6only: Tri }
  | { readonly kind: "any4"; readonly mapped: boolean }
  | { readonly kind: "ipv4"; readonly address: string; readonly mapped: boolean }
  | { readonly kind: "ipv6"; readonly address: string; readonly v6only: Tri };

const MAPPED = "::ffff:";
const PERCENT = "%";

const ANY4: AddressClass = { kind: "any4", mapped: false };
const ANY4_MAPPED: AddressClass = { kind: "any4", mapped: true };

/** A port's owners have few different addresses, and telling what one is takes longer than all that is done with it. */
const REMEMBERED = {
  on: new Map<string, AddressClass>(),
  off: new Map<string, AddressClass>(),
  unknown: new Map<string, AddressClass>(),
};
const MOST_REMEMBERED = 1024;

export function classifyAddress(address: string, v6only: Tri): AddressClass {
  const remembered = v6only === undefined ? REMEMBERED.unknown : v6only ? REMEMBERED.on : REMEMBERED.off;
  let known = remembered.get(address);
  if (known === undefined) {
    known = classOf(address, v6only);
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(address, known);
  }
  return known;
}

function classOf(address: string, v6only: Tri): AddressClass {
  if (address === "::") return { kind: "any6", v6only };
  if (address === "0.0.0.0") return ANY4;
  if (!address.includes(":")) return { kind: "ipv4", address, mapped: false };
  if (address.slice(0, MAPPED.length).toLowerCase() === MAPPED) {
    const tail = address.slice(MAPPED.length);
    if (tail === "0.0.0.0") return ANY4_MAPPED;
    if (tail.includes(".")) return { kind: "ipv4", address: tail, mapped: true };
  }
  const scope = address.indexOf(PERCENT);
  return { kind: "ipv6", address: scope < 0 ? address : address.slice(0, scope), v6only };
}

/** What an IPv6 socket with an address of its own has for IPv4 (LOOPBACK4_IPV6), where the kernel compares the two as IPv4. */
const DUMMY_IPV4 = "127.0.0.6";

/** Do the two addresses cover a common one, in the kernel's eyes? `N` is the new socket: one cell of the table is not symmetric. */
export function addressesOverlap(N: AddressClass, O: AddressClass, quirks: KernelQuirks = NONE): Tri {
  const overlap = overlapOf(N, O, quirks);
  return quirks.certain ? overlap : quirks.trust(N, O) ? overlap : undefined;
}

const NONE: KernelQuirks = { certain: true, trust: () => true, forgetsTimeWait: false, comparesDummyIpv4: false };

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

export function not(a: Tri): Tri {
  return a === undefined ? undefined : !a;
}

export function both(a: Tri, b: Tri): Tri {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

export function either(a: Tri, b: Tri): Tri {
  if (a === true || b === true) return true;
  return a === undefined || b === undefined ? undefined : false;
}
