/** When two sockets can stand for each other, and when one stands in the other's way. Pure. */
import type { SocketPlace } from "../host/keeping.ts";
import { classifyAddress } from "../verdict/address-class.ts";
import { addressesOverlap } from "../verdict/address-overlap.ts";

/** Bound to the same by the kernel's standards: a program cannot tell the one from the other. */
export function isSamePlace(a: SocketPlace, b: SocketPlace): boolean {
  return (
    isSamePort(a, b) &&
    a.multipath === b.multipath &&
    a.reusePort === b.reusePort &&
    a.family === b.family &&
    a.address === b.address &&
    a.scopeIndex === b.scopeIndex &&
    // Only a wildcard says with it what it takes; bind(2) sets it for every other address that is not IPv4-mapped (__inet6_bind()).
    (a.address !== "::" || a.v6only === b.v6only) &&
    a.deviceIndex === b.deviceIndex
  );
}

/** Would binding `next` be refused while `kept` listens? */
export function standsInTheWay(kept: SocketPlace, next: SocketPlace): boolean {
  if (!isSamePort(kept, next)) return false;
  if (kept.deviceIndex !== 0 && next.deviceIndex !== 0 && kept.deviceIndex !== next.deviceIndex) return false;
  const overlap = addressesOverlap(
    classifyAddress(next.address, next.v6only),
    classifyAddress(kept.address, kept.v6only),
  );
  return overlap !== false;
}

/** Multipath TCP shares its ports with TCP: its sockets are bound by a TCP socket of their own. */
function isSamePort(a: SocketPlace, b: SocketPlace): boolean {
  return a.protocol === b.protocol && a.port === b.port && a.netns === b.netns;
}
