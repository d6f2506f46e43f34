/** How many descriptors a process has, where only listing them tells: before Linux 6.2 the size of /proc/PID/fd is 0 (f1f1f2569901). */
import { readdirSync } from "node:fs";
import { readText } from "./read-file.ts";

/** Undefined when it is gone or may not be looked at, and when its table has no room for `atLeast`: most are then not listed at all. */
export function countDescriptors(pid: number, atLeast: number): number | undefined {
  // The room is a power of two and never shrinks (alloc_fdtable of fs/file.c).
  const room = /^FDSize:\s+(\d+)$/m.exec(readText(`/proc/${pid}/status`) ?? "")?.[1];
  if (room === undefined || Number(room) < atLeast) return undefined;
  try {
    const { length } = readdirSync(`/proc/${pid}/fd`);
    // To list its own takes one more.
    return pid === process.pid ? length - 1 : length;
  } catch {
    return undefined;
  }
}
