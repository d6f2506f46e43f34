/**
 * The processes that came of this one. It asks to be given those whose parents have ended (PR_SET_CHILD_SUBREAPER), so that they are told
 * apart from strangers, may still be looked into where only a parent may (yama), and do not stay as zombies where nobody else waits for them.
 */
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import type { Libc } from "./libc.ts";
import { numbersIn, readText } from "./read-file.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;

export function adoptOrphans(libc: Libc): void {
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/** Pids below this process, parents before children. */
export function descendants(root: number = process.pid): number[] {
  const childrenOf = readChildren(root) === undefined ? childrenByParent() : readChildren;
  const found = new Set<number>([root]);
  for (const pid of found) for (const child of childrenOf(pid) ?? []) found.add(child);
  found.delete(root);
  return [...found];
}

export function ownChildren(): readonly number[] {
  return readChildren(process.pid) ?? childrenByParent()(process.pid);
}

/** Every thread has its own list. Undefined: the kernel has no such file (CONFIG_PROC_CHILDREN), or the process is gone. */
function readChildren(pid: number): readonly number[] | undefined {
  const threads = numbersIn(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readText(`/proc/${pid}/task/${thread}/children`));
  if (lists.every((list) => list === undefined)) return undefined;
  return lists.flatMap((list) =>
    (list ?? "")
      .split(" ")
      .filter((word) => word !== "")
      .map(Number),
  );
}

/** By a look at all processes: some milliseconds. */
function childrenByParent(): (pid: number) => readonly number[] {
  const children = new Map<number, number[]>();
  for (const pid of numbersIn("/proc")) {
    const parent = parseProcessStat(readText(`/proc/${pid}/stat`) ?? "")?.parentPid;
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  return (pid) => children.get(pid) ?? [];
}

/**
 * Of the processes that became ours by the death of their parents, those under a filter that we are not under: programs of ours, not what else
 * this process has started. Only own children are told, whose pids nobody else can get before we have waited for them.
 * `startedBefore`: in clock ticks after boot.
 */
export function keptOrphans(notThese: ReadonlySet<number>, startedBefore: number): number[] {
  const own = filterCount("self");
  return ownChildren().filter((pid) => {
    if (notThese.has(pid) || filterCount(`${pid}`) <= own) return false;
    const stat = parseProcessStat(readText(`/proc/${pid}/stat`) ?? "");
    return stat !== undefined && stat.state !== "Z" && stat.startTicks < startedBefore;
  });
}

/** Seccomp_filters is told since Linux 5.9; before, only whether there is one. */
function filterCount(pid: string): number {
  const status = readText(`/proc/${pid}/status`) ?? "";
  return Number(/^Seccomp_filters:\t(\d+)/m.exec(status)?.[1] ?? /^Seccomp:\t(\d+)/m.exec(status)?.[1] ?? 0);
}

/**
 * Waits for orphans that have ended. libuv waits for its own children within a turn of the event loop, so what is a zombie in two looks, a
 * while apart, is not its own.
 */
export class OrphanReaper {
  readonly #libc: Libc;
  #before = new Set<number>();

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** `notThese` have somebody who waits for them. */
  look(notThese: ReadonlySet<number>): void {
    const zombies = new Set(ownChildren().filter(isZombie));
    for (const pid of zombies) if (this.#before.has(pid) && !notThese.has(pid)) this.#libc.waitpid(pid, null, WNOHANG);
    this.#before = zombies;
  }
}

function isZombie(pid: number): boolean {
  return parseProcessStat(readText(`/proc/${pid}/stat`) ?? "")?.state === "Z";
}

/** Was it started by then, or later? */
export function isStartedSince(pid: number, sinceTicks: number): boolean {
  return sinceTicks === 0 || (parseProcessStat(readText(`/proc/${pid}/stat`) ?? "")?.startTicks ?? 0) >= sinceTicks;
}
