/** One file of settings, sysctl.d(5) and sysctl.conf(5): `name = value` lines, and comments with `#` or `;`. */

export interface SysctlAssignment {
  /** Counted from 1. */
  readonly line: number;
  /** Dotted; a pattern (`net.ipv4.conf.*.forwarding`) stays as it is. */
  readonly name: string;
  readonly value: string;
}

/** Every assignment in the file, in its order. A `-` before a name says that its failure shall be passed over; a name alone assigns nothing. */
export function parseSysctlFile(text: string): SysctlAssignment[] {
  const found: SysctlAssignment[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const match = /^\s*-?\s*([^\s#;=-][^\s=]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    found.push({ line: index + 1, name: dottedName(match[1]!), value: match[2]!.replace(/\s+/g, " ") });
  }
  return found;
}

/** If the first separator is a slash, the name is a path, and a dot in it is one of a device (`eth0.100`), which is a slash in a dotted name. */
function dottedName(name: string): string {
  const [separator] = /[./]/.exec(name) ?? [];
  return separator === "/" ? name.replace(/[./]/g, (each) => (each === "/" ? "." : "/")) : name;
}
