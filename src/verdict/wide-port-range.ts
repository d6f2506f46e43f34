/**
 * What ip_local_port_range is widened to by whoever runs out of local ports: nearly twice the default's ports, and an even number of them, because
 * connect() passes over one of an odd number (__inet_hash_connect). Lower it would bring a sixth more, among the many services below 10 000;
 * those above it (11211, 27017) are to be reserved, as the advice says.
 */
import type { PortRange } from "../tcp/sysctl-values.ts";

const WIDE: PortRange = { first: 10_240, last: 65_535 };

export interface WiderRange {
  /** As sysctl takes it: "10240 65535". */
  readonly value: string;
  /** So many more than now. */
  readonly more: number;
}

/** Undefined where it brings less than a tenth. */
export function widerPortRange(range: PortRange): WiderRange | undefined {
  const first = Math.min(range.first, WIDE.first);
  const more = range.first - first + (WIDE.last - range.last);
  return more * 10 < range.last - range.first ? undefined : { value: `${first} ${WIDE.last}`, more };
}
