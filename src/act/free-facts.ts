/** What a plan to free a port is made from: the bind's verdict, who holds what is in the way, and what may be done about it. Gathers, judges nothing. */
import { askClosely } from "../ask/why.ts";
import type { HostActions } from "../host/actions.ts";
import type { Host, Probed } from "../host/host.ts";
import type { BindRequest } from "../inspect/bind-facts.ts";
import { findContainerBehind } from "../inspect/container-behind.ts";
import { gatherFamily } from "../inspect/process-family.ts";
import type { ProcessFamily } from "../inspect/process-family.ts";
import { gatherSupervisorFacts } from "../inspect/supervisor-facts.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { ContainerBehind } from "../tcp/container-state.ts";
import type { TreeLine } from "../tcp/free-plan.ts";
import type { Supervisor } from "../tcp/process-node.ts";
import { jobOf } from "../verdict/process-tree.ts";
import { findProtected } from "../verdict/protected-processes.ts";
import type { Protection } from "../verdict/protected-processes.ts";
import { findSupervisors } from "../verdict/supervisors.ts";
import type { CloseVerdict } from "../verdict/judge-bind.ts";

export interface FreeFacts {
  readonly snapshot: BindSnapshot;
  readonly verdict: CloseVerdict;
  readonly family: ProcessFamily;
  /** The program as it was started; one line for a program of one process. */
  readonly job: readonly TreeLine[];
  /** Who is no part of anybody's program, by pid. */
  readonly spared: ReadonlyMap<number, Protection>;
  /** By the pid of who holds a port of a container. */
  readonly containers: ReadonlyMap<number, ContainerBehind>;
  /** Who starts again what is asked to end. */
  readonly supervisors: readonly Supervisor[];
  /** Of those that listen or are bound there, and their program: "ok", or why it cannot be signalled. */
  readonly maySignal: ReadonlyMap<number, string>;
  readonly sockDestroy: Probed;
  readonly kernelRelease: string;
}

const NOT_ASKED: Probed = { answer: "unknown", why: "nothing had to be destroyed" };

export async function gatherFreeFacts(
  host: Host,
  actions: HostActions,
  request: BindRequest,
  signal: AbortSignal | undefined,
): Promise<FreeFacts> {
  const { snapshot, verdict } = await askClosely(host, request, signal);
  const inTheWay = verdict.blocking.map(({ holder }) => holder.socket);
  // A connection is ended by itself, and its program left alone: only who listens or is bound is asked to end.
  const held = verdict.blocking.filter(({ rule }) => rule === "listener" || rule === "bound");
  const pids = [...new Set(held.flatMap(({ holder }) => (holder.socket.owners ?? []).map(({ pid }) => pid)))];
  const family = gatherFamily(host, pids, { descendants: true });
  const containers = new Map<number, ContainerBehind>();
  const here = family.nodes.get(family.self.pid)?.container?.id;
  for (const { holder } of held) {
    for (const owner of holder.socket.owners ?? []) {
      // Beside us in the same container it is a program like any other.
      if (containers.has(owner.pid) || (here !== undefined && owner.container?.id === here)) continue;
      const behind = await findContainerBehind(host, owner, holder.socket);
      if (behind !== undefined) containers.set(owner.pid, behind);
    }
  }
  const spared = findProtected(family.nodes, family.self);
  const job = jobOf(family.nodes, pids, (pid) => spared.has(pid));
  const maySignal = new Map<number, string>();
  for (const pid of new Set([...pids, ...job.map((line) => line.pid)])) {
    const node = family.nodes.get(pid);
    if (node === undefined) continue;
    const handle = actions.openProcess(node);
    if ("errno" in handle) maySignal.set(pid, handle.errno);
    else {
      maySignal.set(pid, handle.maySignal());
      handle.close();
    }
  }
  const destroyable = inTheWay.some(({ state }) => state !== "LISTEN" && state !== "BOUND");
  return {
    snapshot,
    verdict,
    family,
    job,
    spared,
    containers,
    supervisors: findSupervisors(
      family.nodes,
      pids,
      gatherSupervisorFacts(host, family.nodes, pids, snapshot.question.port),
    ),
    maySignal,
    sockDestroy: destroyable ? host.rights().sockDestroy : NOT_ASKED,
    kernelRelease: host.system().kernelRelease,
  };
}
