/** net.ipv4.ip_local_reserved_ports: "8080,9000-9100". Pure. */

/** The setting with one more port, ranges merged; undefined when the port is in it already, or when the setting makes no sense. */
export function mergeReservedPort(setting: string | undefined, port: number): string | undefined {
  const ranges: [number, number][] = [];
  for (const part of (setting ?? "").trim().split(",")) {
    if (part === "") continue;
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return undefined;
    const low = Number(match[1]);
    ranges.push([low, Number(match[2] ?? match[1])]);
  }
  if (ranges.some(([low, high]) => port >= low && port <= high)) return undefined;
  ranges.push([port, port]);
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [low, high] of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(",");
}
