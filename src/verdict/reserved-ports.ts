/** net.ipv4.ip_local_reserved_ports: "8080,9000-9100". Pure. */
import { parseSysctlPortList } from "../tcp/sysctl-values.ts";
import type { PortRange } from "../tcp/sysctl-values.ts";

/** The setting with one more port, ranges merged; undefined when the port is in it already, or when the setting makes no sense. */
export function mergeReservedPort(setting: string | undefined, port: number): string | undefined {
  return mergeReservedPorts(setting, [port]);
}

/** The setting with more ports; undefined when all of them are in it already, or when the setting makes no sense. */
export function mergeReservedPorts(setting: string | undefined, ports: readonly number[]): string | undefined {
  const ranges = parseSysctlPortList(setting ?? "");
  const added = ports.filter((port) => !isInRanges(port, ranges ?? []));
  if (ranges === undefined || added.length === 0) return undefined;
  return joinRanges([...ranges, ...added.map((port) => ({ first: port, last: port }))])
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(",");
}

export function isInRanges(port: number, ranges: readonly PortRange[]): boolean {
  return ranges.some(({ first, last }) => port >= first && port <= last);
}

/** How many ports of a range are not reserved. */
export function portsLeft(range: PortRange, reserved: readonly PortRange[]): number {
  let left = range.last - range.first + 1;
  for (const { first, last } of joinRanges(reserved))
    left -= Math.max(0, Math.min(last, range.last) - Math.max(first, range.first) + 1);
  return left;
}

/** In order, those that touch or overlap made one. */
function joinRanges(ranges: readonly PortRange[]): PortRange[] {
  const joined: { first: number; last: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = joined.at(-1);
    if (before !== undefined && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else joined.push({ ...range });
  }
  return joined;
}
