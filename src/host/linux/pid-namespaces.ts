/** Of pid namespaces: which one this process is in, and whether one has ended. */
import { constants } from "node:os";
import { numbersIn, readLinkByFs } from "./read-file.ts";

/** The machine's first one, in which all processes are seen: PROC_PID_INIT_INO of include/linux/proc_ns.h. */
const FIRST = 0xef_ff_ff_fc;

const { ENOENT, ESRCH } = constants.errno;

/** Its inode; undefined: /proc does not tell. */
export function ownPidNamespace(): number | undefined {
  const inode = namespaceOf("self");
  return typeof inode === "number" ? inode : undefined;
}

/**
 * True: no process is in it, and none will ever be: it ends with its first one (pid_namespaces(7)). Certain only in the machine's first
 * namespace, for who may look at every process (PTRACE_MODE_READ); false everywhere else.
 */
export function hasPidNamespaceEnded(inode: number): boolean {
  if (ownPidNamespace() !== FIRST) return false;
  return numbersIn("/proc").every((pid) => {
    // The machine's first process is in its first namespace, also where nobody may look.
    if (pid === 1) return inode !== FIRST;
    const found = namespaceOf(pid);
    return found !== inode && found !== "hidden";
  });
}

function namespaceOf(pid: number | "self"): number | "gone" | "hidden" {
  const link = readLinkByFs(`/proc/${pid}/ns/pid`);
  if (typeof link === "number") return link === ENOENT || link === ESRCH ? "gone" : "hidden";
  const inode = /^pid:\[(\d+)\]$/.exec(link)?.[1];
  return inode === undefined ? "hidden" : Number(inode);
}
