/**
 * A filter as it is meant for UDP: the kernel keeps an unconnected UDP socket in TCP_CLOSE, ss calls it `unconnected`, and here it is BOUND.
 * Whoever asks for the first two means the third.
 */
import { maskHas, maskOf } from "../states.ts";
import { notOf, type Filter } from "./filter.ts";

export function withUdpStates(filter: Filter): Filter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { kind: filter.kind, of: filter.of.map(withUdpStates) };
    case "not":
      return notOf(withUdpStates(filter.of));
    case "states":
      return maskHas(filter.mask, "CLOSED") ? { kind: "states", mask: filter.mask | maskOf("BOUND") } : filter;
    default:
      return filter;
  }
}
