/** The processes around those that hold a port: whom they were started by and, where that is asked, whom they started. */
import type { Host, ProcessFacts } from "../host/host.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import { userManagerOf } from "../tcp/user-manager.ts";

export interface ProcessFamily {
  /** The owners and their ancestors, this program and its own; with `descendants` also all that was started by their jobs. */
  readonly nodes: ReadonlyMap<number, ProcessNode>;
  readonly self: SelfPlace;
}

/** Where this program stands among them: what must never get a signal from it. */
export interface SelfPlace {
  readonly pid: number;
  /** The parent first. */
  readonly ancestors: readonly number[];
  readonly uid: number;
}

export interface FamilyOptions {
  /** Of the whole job of each owner. Costs a few system calls for each process of it. */
  readonly descendants?: boolean;
}

/** An owner that is gone is left out. */
export function gatherFamily(host: Host, ownerPids: readonly number[], options: FamilyOptions = {}): ProcessFamily {
  const { pid, uid } = host.system();
  const family = new Family(host);
  const lineages = [...new Set(ownerPids)].map((owner) => family.lineage(owner));
  const ancestors = family.lineage(pid).slice(1);
  if (options.descendants === true) {
    const spared = new Set([1, pid, ...ancestors]);
    for (const lineage of lineages) family.addDescendants(jobRoot(lineage, family.nodes, spared));
  }
  return { nodes: family.nodes, self: { pid, ancestors, uid } };
}

/** The topmost that Ctrl-C would end together with the first of them: at least as high as any tree that `free` ends. */
function jobRoot(
  lineage: readonly number[],
  nodes: ReadonlyMap<number, ProcessNode>,
  spared: ReadonlySet<number>,
): number | undefined {
  const group = nodes.get(lineage[0] ?? 0)?.processGroup;
  const end = lineage.findIndex((pid) => spared.has(pid));
  return lineage.slice(0, end < 0 ? undefined : end).findLast((pid) => nodes.get(pid)?.processGroup === group);
}

/** Each process is asked once. */
class Family {
  readonly #host: Host;
  readonly nodes = new Map<number, ProcessNode>();
  readonly #asked = new Map<number, ProcessNode | undefined>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** A process and its ancestors up to pid 1, or to who was started from outside this pid namespace. */
  lineage(pid: number): number[] {
    const found: number[] = [];
    let startTicks = Number.POSITIVE_INFINITY;
    for (let node = this.#ask(pid); node !== undefined; node = this.#ask(node.parentPid)) {
      // A parent is older than its children: else its number was given to another process since they were read.
      if (node.startTicks > startTicks || found.includes(node.pid)) break;
      this.nodes.set(node.pid, node);
      found.push(node.pid);
      startTicks = node.startTicks;
    }
    return found;
  }

  addDescendants(root: number | undefined): void {
    if (root === undefined) return;
    // Too many for a list, or a kernel that has none: then everybody is looked at, and the tree takes what belongs to it.
    const relatives = this.#host.relatives(root) ?? this.#host.processes().map(({ pid }) => pid);
    for (const pid of relatives) {
      const node = this.#ask(pid);
      if (node !== undefined) this.nodes.set(pid, node);
    }
  }

  #ask(pid: number): ProcessNode | undefined {
    if (pid !== 0 && !this.#asked.has(pid)) this.#asked.set(pid, nodeOf(this.#host.process(pid)));
    return this.#asked.get(pid);
  }
}

function nodeOf(facts: ProcessFacts | undefined): ProcessNode | undefined {
  if (facts === undefined) return undefined;
  const {
    pid,
    startTicks,
    parentPid,
    processGroup = 0,
    sessionId,
    command,
    args,
    state,
    uid,
    unit,
    cgroup,
    container,
  } = facts;
  const userManager = cgroup === undefined ? undefined : userManagerOf(cgroup);
  return {
    pid,
    startTicks,
    parentPid,
    processGroup,
    ...(sessionId === undefined ? {} : { sessionId }),
    command,
    args,
    state,
    ...(uid === undefined ? {} : { uid }),
    ...(unit === undefined ? {} : { unit }),
    ...(userManager === undefined ? {} : { userManager }),
    ...(container === undefined ? {} : { container }),
  };
}
