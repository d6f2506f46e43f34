/** Kernel settings, from text to values. Pure. */

/** An integer; undefined for anything else. */
export function parseSysctlNumber(value: string | undefined): number | undefined {
  if (value === undefined || !/^-?\d{1,16}$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** `32768 60999` of net.ipv4.ip_local_port_range. */
export function parseSysctlPortRange(value: string | undefined): PortRange | undefined {
  const match = /^(\d{1,5})\s+(\d{1,5})$/.exec(value ?? "");
  return match === null ? undefined : rangeOf(match[1]!, match[2]!);
}

/** `8080,9000-9010` of net.ipv4.ip_local_reserved_ports; an empty value reserves none. (proc_do_large_bitmap) */
export function parseSysctlPortList(value: string | undefined): PortRange[] | undefined {
  if (value === undefined) return undefined;
  if (value === "") return [];
  const ranges: PortRange[] = [];
  for (const part of value.split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    const range = match === null ? undefined : rangeOf(match[1]!, match[2] ?? match[1]!);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges;
}

function rangeOf(firstText: string, lastText: string): PortRange | undefined {
  const first = Number(firstText);
  const last = Number(lastText);
  return first <= last && last <= 65_535 ? { first, last } : undefined;
}
