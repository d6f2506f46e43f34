/** Whom a process was started by, as far up as is known. */
import type { ProcessNode } from "./process-node.ts";

/** The parent first. A "parent" that is younger was given the number of one that is gone. */
export function ancestorsOf(node: ProcessNode, nodes: ReadonlyMap<number, ProcessNode>): readonly ProcessNode[] {
  const found: ProcessNode[] = [];
  let child = node;
  for (let parent = nodes.get(child.parentPid); parent !== undefined; parent = nodes.get(child.parentPid)) {
    if (parent.startTicks > child.startTicks || parent === node || found.includes(parent)) break;
    found.push(parent);
    child = parent;
  }
  return found;
}
