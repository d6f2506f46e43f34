/**
 * What the files say that set kernel settings at boot, in the order in which they are applied: sysctl.d(5), and `sysctl --system` of
 * procps, which reads /etc/sysctl.conf last. systemd-sysctl does not read that one, but Debian links it as /etc/sysctl.d/99-sysctl.conf.
 */
import { readdirSync, realpathSync } from "node:fs";
import type { SysctlLine } from "../../tcp/health-snapshot.ts";
import { parseSysctlFile } from "../../wire/procfs/sysctl-file.ts";
import { readText } from "./read-file.ts";

/** A file of an earlier directory takes the place of a file with the same name in a later one. */
const DIRECTORIES = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
const LAST_FILE = "/etc/sysctl.conf";

/** Those that bear on sockets and descriptors. Distributions set others of `fs.`, which are nobody's business here. */
/** But for the key of TCP Fast Open, which is a secret: a recording is mailed around. */
const ABOUT_SOCKETS = /^(?:net\.(?!ipv4\.tcp_fastopen_key$)|fs\.(?:file-max|nr_open)$)/;

/** `root` is put before every path. */
export function readSysctlLines(root = ""): readonly SysctlLine[] {
  const files = new Map<string, string>();
  for (const directory of DIRECTORIES)
    for (const name of confFiles(root + directory))
      if (!files.has(name)) files.set(name, `${root}${directory}/${name}`);
  const ordered = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  const read = new Set<string>();
  return [...ordered, root + LAST_FILE].flatMap((path) => {
    const target = realPath(path);
    // A link to /dev/null is how a file of the distribution is switched off; one to another file says nothing twice.
    if (target === undefined || target === "/dev/null" || read.has(target)) return [];
    read.add(target);
    return parseSysctlFile(readText(path) ?? "")
      .filter(({ name }) => ABOUT_SOCKETS.test(name))
      .map((assignment) => ({ path, ...assignment }));
  });
}

function confFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".conf"));
  } catch {
    return [];
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
