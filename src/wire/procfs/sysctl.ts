/** Names and values below /proc/sys, sysctl(8) and proc_sys(5). */

/**
 * The path below /proc/sys of a dotted name. A dot within a part (a device `eth0.100`) is written as a slash, as sysctl(8) does. Undefined
 * for a name that is none, or that would lead out of the directory.
 */
export function sysctlPath(name: string): string | undefined {
  if (!/^[A-Za-z0-9_@:/-]+(\.[A-Za-z0-9_@:/-]+)+$/.test(name)) return undefined;
  const path = name.replace(/[./]/g, (each) => (each === "." ? "/" : "."));
  return path.split("/").some((part) => part === "." || part === "..") ? undefined : path;
}

/** A value as people write it: without the line break, fields apart by one space. */
export function parseSysctlValue(text: string): string {
  return text.replace(/\n$/, "").replace(/\t+/g, " ");
}
