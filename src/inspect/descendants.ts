/** All that came of some processes, and is still below them. Who was adopted by another (its parent has ended) cannot be told from strangers. */
import type { Host, ProcessFacts } from "../host/host.ts";

export interface FoundProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** The letter of /proc/PID/stat. */
  readonly state: string;
}

/** The roots are not among them. Parents before children. A root whose number another process has by now has none. */
export function gatherDescendants(
  host: Host,
  roots: readonly { readonly pid: number; readonly startTicks: number }[],
): FoundProcess[] {
  const found = new Map<number, FoundProcess>();
  for (const root of roots) {
    if (host.process(root.pid)?.startTicks !== root.startTicks) continue;
    const pids = host.relatives(root.pid) ?? host.processes().map(({ pid }) => pid);
    const children = childrenByParent(pids.flatMap((pid) => host.process(pid) ?? []));
    const waiting: FoundProcess[] = [{ ...root, state: "" }];
    for (let parent = waiting.shift(); parent !== undefined; parent = waiting.shift()) {
      for (const { pid, startTicks, state } of children.get(parent.pid) ?? []) {
        // A child is not older than its parent: else the parent's number was given to another.
        if (startTicks < parent.startTicks || pid === root.pid || found.has(pid)) continue;
        found.set(pid, { pid, startTicks, state });
        waiting.push({ pid, startTicks, state });
      }
    }
  }
  for (const { pid } of roots) found.delete(pid);
  return [...found.values()];
}

function childrenByParent(processes: readonly ProcessFacts[]): ReadonlyMap<number, readonly ProcessFacts[]> {
  const children = new Map<number, ProcessFacts[]>();
  for (const facts of processes) {
    const siblings = children.get(facts.parentPid);
    if (siblings === undefined) children.set(facts.parentPid, [facts]);
    else siblings.push(facts);
  }
  return children;
}
