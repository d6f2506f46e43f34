/** How an address takes part in conflicts over a port. Pure. */
import type { Tri } from "./tri.ts";

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
