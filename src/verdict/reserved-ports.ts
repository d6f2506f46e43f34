/** net.ipv4.ip_local_reserved_ports: "8080,9000-9100". Pure. */
import { parseSysctlPortList } from "../tcp/sysctl-values.ts";

/** The setting with one more port, ranges merged; undefined when the port is in it already, or when the setting makes no sense. */
export function mergeReservedPort(setting: string | undefined, port: number): string | undefined {
  const ranges = parseSysctlPortList(setting ?? "");
  if (ranges === undefined || ranges.some(({ first, last }) => port >= first && port <= last)) return undefined;
  const merged: { first: number; last: number }[] = [];
  for (const range of [...ranges, { first: port, last: port }].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before !== undefined && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else merged.push({ ...range });
  }
  return merged.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
