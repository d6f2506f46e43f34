/** Is it still the same process? By /proc, with nothing of the program under test. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** In clock ticks since boot; undefined: it has ended, as far as it can. */
export function startOf(pid: number): number | undefined {
  const life = lifeOf(pid);
  return life === undefined || life.state === "Z" || life.state === "X" ? undefined : life.startTicks;
}

export function isStopped(pid: number): boolean {
  return lifeOf(pid)?.state === "T";
}

/** By inode. */
export function socketsOf(pid: number): Set<number> {
  const inodes = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return new Set(inodes.filter((inode) => inode !== 0));
}

/** Of its program. */
export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trim();
  } catch {
    return "";
  }
}

function lifeOf(pid: number): { readonly state: string; readonly startTicks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name in brackets can have anything in it.
  const [state = "", ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state, startTicks: Number(rest[18]) };
}
