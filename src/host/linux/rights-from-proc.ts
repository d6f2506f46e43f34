/** What /proc alone can tell about this user's rights, by trying. */
import { readdirSync } from "node:fs";
import { hidepidOf, parseMountinfo } from "../../wire/procfs/mountinfo.ts";
import { CAP_SYS_PTRACE, hasCapability, parseProcessStatus } from "../../wire/procfs/process-status.ts";
import type { ProcessSummary, Rights } from "../host.ts";
import { errnoOf, readText, readTextOrErrno } from "./read-file.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

/** So many users' processes are tried. */
const TRIES = 4;

/** `processes` is what the process table told, to find another user's process in. */
export function probeProcRights(
  processes: readonly ProcessSummary[],
  roots: SystemRoots = SYSTEM_ROOTS,
): Pick<Rights, "ptrace" | "seesAllProcesses"> {
  const status = parseProcessStatus(readText(`${roots.proc}/self/status`) ?? "");
  return {
    ptrace: probePtrace(processes, status.effectiveUid, hasCapability(status, CAP_SYS_PTRACE), roots),
    seesAllProcesses: probeHidepid(processes, status.effectiveUid, roots),
  };
}

/** Reads the descriptors of a process of each of a few other users: the very thing that the right is needed for. */
function probePtrace(
  processes: readonly ProcessSummary[],
  ownUid: number | undefined,
  capability: boolean | undefined,
  roots: SystemRoots,
): Rights["ptrace"] {
  const tried = new Set<number>();
  let succeeded = false;
  for (const { pid, uid } of processes) {
    if (uid === undefined || uid === ownUid || tried.has(uid)) continue;
    const errno = listingErrno(`${roots.proc}/${pid}/fd`);
    if (errno === "EACCES" || errno === "EPERM") {
      return {
        answer: "no",
        lacks: "right",
        why: `descriptors of other users' processes cannot be read (${errno} on ${roots.proc}/${pid}/fd)`,
      };
    }
    if (errno !== undefined) continue; // It has ended meanwhile: another one of that user's will do.
    succeeded = true;
    tried.add(uid);
    if (tried.size === TRIES) break;
  }
  if (succeeded || capability === true) return { answer: "yes" };
  return { answer: "unknown", why: "no process of another user is there to try it on" };
}

/** The mount option says whether processes are hidden, process 1 whether from us: the option can exempt a group (`gid=`). proc(5) */
function probeHidepid(
  processes: readonly ProcessSummary[],
  ownUid: number | undefined,
  roots: SystemRoots,
): Rights["seesAllProcesses"] {
  const mountinfo = readTextOrErrno(`${roots.proc}/self/mountinfo`);
  if (!("text" in mountinfo))
    return { answer: "unknown", why: `${roots.proc}/self/mountinfo cannot be read (${mountinfo.errno})` };
  const hidepid = hidepidOf(parseMountinfo(mountinfo.text), roots.proc);
  if (hidepid === undefined) return { answer: "yes" };
  const why = `${roots.proc} is mounted with hidepid=${hidepid}`;
  const first = processes.find(({ pid }) => pid === 1);
  if (first !== undefined && first.uid === ownUid && ownUid !== 0)
    return { answer: "unknown", why: `${why}, and process 1 is our own` };
  return readText(`${roots.proc}/1/stat`) === undefined ? { answer: "no", lacks: "right", why } : { answer: "yes" };
}

function listingErrno(directory: string): string | undefined {
  try {
    readdirSync(directory);
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}
