/**
 * Whom a process can have its descriptors from, and whom it can have given them to: its ancestors (/proc/PID/stat) and its descendants
 * (/proc/PID/task/TID/children, one file for each thread, since it is threads that fork; CONFIG_PROC_CHILDREN, proc_pid_children(5)).
 */
import { readdirSync } from "node:fs";
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import { readText } from "./read-file.ts";

/** Whoever has more descendants is the root of half the machine: it is quicker to look at everybody. */
const MOST_RELATIVES = 1000;

/** Undefined: it is gone, has too many, or this kernel does not list children. */
export function findRelatives(pid: number, proc = "/proc"): number[] | undefined {
  const found = new Set<number>();
  for (let child = pid; child > 1;) {
    const stat = parseProcessStat(readText(`${proc}/${child}/stat`) ?? "");
    if (stat === undefined) return child === pid ? undefined : [...found];
    // 0: started from outside this pid namespace.
    if (stat.parentPid === 0 || found.has(stat.parentPid)) break;
    found.add(stat.parentPid);
    child = stat.parentPid;
  }
  const waiting = [pid];
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    const children = childrenOf(`${proc}/${parent}/task`);
    // Of one that ended meanwhile there is nothing to tell; of the first one there has to be.
    if (children === undefined && parent === pid) return undefined;
    for (const child of children ?? []) {
      if (found.has(child)) continue;
      if (found.size >= MOST_RELATIVES) return undefined;
      found.add(child);
      waiting.push(child);
    }
  }
  return [...found];
}

function childrenOf(directory: string): number[] | undefined {
  let threads: string[];
  try {
    threads = readdirSync(directory);
  } catch {
    return undefined;
  }
  const lists = threads.map((thread) => readText(`${directory}/${thread}/children`));
  if (lists.every((list) => list === undefined)) return undefined;
  return lists.flatMap((list) =>
    (list ?? "")
      .split(" ")
      .filter((word) => /^\d+$/.test(word))
      .map(Number),
  );
}
