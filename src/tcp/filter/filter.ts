/**
 * The filter language's tree: ss's EXPRESSION (man ss) and our owner terms. Plain values that survive JSON. What ss writes in several
 * ways is one thing here: `sport > :80` is the ports 81 to 65535, `src 10.0.0.1:80` is an address and a port, `!=` is `not`.
 *
 * Trees are made with `allOf`, `anyOf` and `notOf`, which keep them flat: no `and` directly inside an `and`, no double `not`.
 */
import type { Family } from "../socket.ts";
import type { StateMask } from "../states.ts";

export type Side = "local" | "remote";

export type Term =
  /** Every socket: an empty filter, `src *`. */
  | { readonly kind: "all" }
  | { readonly kind: "states"; readonly mask: StateMask }
  /**
   * An address or a prefix, as canonical text. As in the kernel, an IPv4 one also matches IPv4-mapped addresses of IPv6 sockets, and an
   * IPv6 one matches IPv6 sockets only, even `::ffff:127.0.0.1`. The other end of a listener is `0.0.0.0` or `::`, port 0.
   */
  | { readonly kind: "host"; readonly side: Side; readonly address: string; readonly prefixLength: number }
  /** Ports from `from` to `to`, both included; an empty range is { from: 1, to: 0 }. */
  | { readonly kind: "port"; readonly side: Side; readonly from: number; readonly to: number }
  /** ss's `inet:` and `inet6:`. An IPv4-mapped socket is of family ipv6. */
  | { readonly kind: "family"; readonly family: Family }
  /** Bound to this device: a name, or an index in decimal; "0" is every socket that is bound to none. */
  | { readonly kind: "device"; readonly device: string }
  /** (mark & mask) === value, unsigned. */
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  /** A path below the cgroup-v2 mount: "/system.slice/api.service". Not what is below it. */
  | { readonly kind: "cgroup"; readonly path: string }
  /** The port was given by the kernel, not asked for in bind(). Only the kernel can tell. */
  | { readonly kind: "autobound" }
  | { readonly kind: "pid"; readonly pid: number }
  | { readonly kind: "command"; readonly command: string }
  /** A user that owns a process which holds the socket, by name or number. */
  | { readonly kind: "user"; readonly user: string }
  /** The user that created the socket. */
  | { readonly kind: "uid"; readonly uid: number };

export type Filter =
  | Term
  | { readonly kind: "and" | "or"; readonly of: readonly Filter[] }
  | { readonly kind: "not"; readonly of: Filter };

export const ALL: Term = { kind: "all" };
export const NONE: Filter = { kind: "not", of: ALL };

export function allOf(filters: readonly Filter[]): Filter {
  return join("and", filters);
}

export function anyOf(filters: readonly Filter[]): Filter {
  return join("or", filters);
}

export function notOf(filter: Filter): Filter {
  return filter.kind === "not" ? filter.of : { kind: "not", of: filter };
}

/** A range of ports, in its one spelling when it is empty. */
export function portRange(side: Side, from: number, to: number): Term {
  const low = Math.max(0, from);
  const high = Math.min(65535, to);
  return low <= high ? { kind: "port", side, from: low, to: high } : { kind: "port", side, from: 1, to: 0 };
}

function join(kind: "and" | "or", filters: readonly Filter[]): Filter {
  const of = filters.flatMap((filter) => (filter.kind === kind ? filter.of : [filter]));
  const [first] = of;
  if (first === undefined) return kind === "and" ? ALL : NONE;
  return of.length === 1 ? first : { kind, of };
}
