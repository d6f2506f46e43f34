/**
 * The program as it was started: what `free --tree` ends. Pure.
 *
 * Its root is the topmost ancestor of who holds the port that is in the same process group: what Ctrl-C in its terminal would end, all the way
 * from `npm run dev`. A shell with job control gives each job a group of its own (setpgid(2), "Job control" in bash(1)), so that the shell and
 * its other jobs are not in it. Where there is none, as in a script, a group can hold what has to stay, as this command itself or the window
 * manager that the script of the session has started, too: the root is then below their common ancestor.
 */
import type { TreeLine } from "../tcp/free-plan.ts";
import { ancestorsOf } from "../tcp/process-ancestors.ts";
import type { ProcessNode } from "../tcp/process-node.ts";

type Nodes = ReadonlyMap<number, ProcessNode>;

/**
 * Parents before children, so that nobody is there to start a child again, and the older of two siblings first. Empty when no owner is known,
 * or all of them are protected. A descendant that made a session of its own (setsid(2)) is left out, with all below it: Ctrl-C would not
 * reach it either, and it may be the browser that a dev server has opened. So is a zombie, which nothing can end.
 */
export function jobOf(
  nodes: Nodes,
  owners: readonly number[],
  isProtected: (pid: number) => boolean,
): readonly TreeLine[] {
  const spoiled = groupMatesAbove(nodes, isProtected);
  const roots = new Set<ProcessNode>();
  for (const pid of owners) {
    const owner = nodes.get(pid);
    if (owner !== undefined && !isProtected(pid))
      roots.add(rootOf(owner, nodes, (one) => isProtected(one) || spoiled.has(one)));
  }
  const children = childrenByParent(nodes);
  const held = new Set(owners);
  const lines: TreeLine[] = [];
  const seen = new Set<number>();
  const add = (node: ProcessNode, depth: number, sessionId: number | undefined): void => {
    if (seen.has(node.pid) || isProtected(node.pid)) return;
    const { pid, command, args, state } = node;
    const holds = held.has(pid);
    const detached = node.sessionId !== undefined && sessionId !== undefined && node.sessionId !== sessionId;
    if ((detached && !roots.has(node)) || (state === "Z" && !holds && !children.has(pid))) return;
    seen.add(pid);
    lines.push({ pid, depth, command, args, holds });
    for (const child of children.get(pid) ?? []) add(child, depth + 1, node.sessionId);
  };
  for (const root of [...roots].sort(byAge))
    if (!ancestorsOf(root, nodes).some((ancestor) => roots.has(ancestor))) add(root, 0, root.sessionId);
  // Below another root, but on the far side of one that was left out.
  for (const root of [...roots].sort(byAge)) add(root, 0, root.sessionId);
  return lines;
}

function rootOf(owner: ProcessNode, nodes: Nodes, isBarrier: (pid: number) => boolean): ProcessNode {
  let root = owner;
  // 0 is no group: it stands for all those that cannot be named here.
  if (owner.processGroup === 0) return root;
  for (const ancestor of ancestorsOf(owner, nodes)) {
    if (isBarrier(ancestor.pid)) break;
    if (ancestor.processGroup === owner.processGroup) root = ancestor;
  }
  return root;
}

/** Who has a protected process below it, in its own group: it cannot be ended without a word to that one's parent. */
function groupMatesAbove(nodes: Nodes, isProtected: (pid: number) => boolean): ReadonlySet<number> {
  const found = new Set<number>();
  for (const node of nodes.values()) {
    if (!isProtected(node.pid)) continue;
    for (const ancestor of ancestorsOf(node, nodes))
      if (ancestor.processGroup === node.processGroup) found.add(ancestor.pid);
  }
  return found;
}

function childrenByParent(nodes: Nodes): ReadonlyMap<number, readonly ProcessNode[]> {
  const children = new Map<number, ProcessNode[]>();
  for (const node of nodes.values()) {
    const parent = nodes.get(node.parentPid);
    if (parent === undefined || parent.startTicks > node.startTicks || parent === node) continue;
    const siblings = children.get(parent.pid);
    if (siblings === undefined) children.set(parent.pid, [node]);
    else siblings.push(node);
  }
  for (const siblings of children.values()) siblings.sort(byAge);
  return children;
}

function byAge(a: ProcessNode, b: ProcessNode): number {
  return a.startTicks - b.startTicks || a.pid - b.pid;
}
