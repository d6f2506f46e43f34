/**
 * /proc/PID/mountinfo, proc_pid_mountinfo(5): `ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS OPTIONAL… - TYPE SOURCE SUPEROPTIONS`.
 * It tells all that /proc/mounts does, and the device and the root besides.
 */
export interface Mount {
  readonly major: number;
  readonly minor: number;
  /** The directory of the file system that is mounted here. */
  readonly root: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** In the file's order: a later mount on the same place hides an earlier one. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const match = /^\d+ \d+ (\d+):(\d+) (\S+) (\S+) \S+(?: \S+)*? - (\S+) \S* (\S+)$/.exec(line);
    if (match === null) continue;
    mounts.push({
      major: Number(match[1]),
      minor: Number(match[2]),
      root: unescapeOctal(match[3]!),
      mountPoint: unescapeOctal(match[4]!),
      type: match[5]!,
      superOptions: match[6]!.split(","),
    });
  }
  return mounts;
}

/** The `hidepid` option of the mount that is seen at this place: undefined where it is off or where no such mount is. proc(5) */
export function hidepidOf(mounts: readonly Mount[], mountPoint: string): string | undefined {
  const mount = mounts.findLast((each) => each.mountPoint === mountPoint && each.type === "proc");
  const value = mount?.superOptions.find((option) => option.startsWith("hidepid="))?.slice("hidepid=".length);
  return value === "0" || value === "off" ? undefined : value;
}

/** Space, tab, line break and backslash are written as `\040` and so on (seq_path, mangle). */
function unescapeOctal(text: string): string {
  return text.includes("\\")
    ? text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : text;
}
