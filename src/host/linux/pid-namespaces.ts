/** Of pid namespaces: which one this process is in, and whether one has ended. */
import { errnoName } from "../../base/errno.ts";
import type { ReadLink } from "./read-file.ts";
import { numbersIn, readLinkByFs } from "./read-file.ts";

/** The machine's first one, in which all processes are seen: PROC_PID_INIT_INO of include/linux/proc_ns.h. */
export const FIRST_PID_NAMESPACE = 0xef_ff_ff_fc;

const GONE = new Set(["ENOENT", "ESRCH"]);

/** Its inode; undefined: /proc does not tell. */
export function ownPidNamespace(readLink: ReadLink = readLinkByFs): number | undefined {
  const inode = namespaceOf("self", readLink);
  return typeof inode === "number" ? inode : undefined;
}

/**
 * True: no process is in it, and none will ever be: it ends with its first one (pid_namespaces(7)). Certain only in the machine's first
 * namespace, for who may look at every process (PTRACE_MODE_READ); false everywhere else.
 */
export function hasPidNamespaceEnded(inode: number): boolean {
  if (ownPidNamespace() !== FIRST_PID_NAMESPACE) return false;
  return numbersIn("/proc").every((pid) => {
    // The machine's first process is in its first namespace, also where nobody may look.
    if (pid === 1) return inode !== FIRST_PID_NAMESPACE;
    const found = namespaceOf(pid);
    return found !== inode && found !== "hidden";
  });
}

function namespaceOf(pid: number | "self", readLink: ReadLink = readLinkByFs): number | "gone" | "hidden" {
  const link = readLink(`/proc/${pid}/ns/pid`);
  if (typeof link === "number") return GONE.has(errnoName(link)) ? "gone" : "hidden";
  const inode = /^pid:\[(\d+)\]$/.exec(link)?.[1];
  return inode === undefined ? "hidden" : Number(inode);
}
