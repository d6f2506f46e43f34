/** What a plan to free a port is made from: the bind's verdict, who holds what is in the way, and what may be done about it. Gathers, judges nothing. */
import { askClosely } from "../ask/why.ts";
import type { HostActions } from "../host/actions.ts";
import type { Host, Probed } from "../host/host.ts";
import type { BindRequest } from "../inspect/bind-facts.ts";
import { gatherFamily } from "../inspect/process-family.ts";
import type { ProcessFamily } from "../inspect/process-family.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { CloseVerdict } from "../verdict/judge-bind.ts";

export interface FreeFacts {
  readonly snapshot: BindSnapshot;
  readonly verdict: CloseVerdict;
  readonly family: ProcessFamily;
  /** For each process that holds what is in the way: "ok", or why it cannot be signalled. */
  readonly maySignal: ReadonlyMap<number, string>;
  readonly sockDestroy: Probed;
  readonly kernelRelease: string;
}

const NOT_ASKED: Probed = { answer: "unknown", why: "nothing had to be destroyed" };

export async function gatherFreeFacts(
  host: Host,
  actions: HostActions,
  request: BindRequest,
  options: { readonly tree: boolean; readonly signal: AbortSignal | undefined },
): Promise<FreeFacts> {
  const { snapshot, verdict } = await askClosely(host, request, options.signal);
  const inTheWay = verdict.blocking.map(({ holder }) => holder.socket);
  const pids = new Set(inTheWay.flatMap(({ owners = [] }) => owners.map(({ pid }) => pid)));
  const family = gatherFamily(host, [...pids], { descendants: options.tree });
  const maySignal = new Map<number, string>();
  for (const { pid, startTicks } of family.nodes.values()) {
    if (!pids.has(pid) && !options.tree) continue;
    const handle = actions.openProcess({ pid, startTicks });
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
    maySignal,
    sockDestroy: destroyable ? host.rights().sockDestroy : NOT_ASKED,
    kernelRelease: host.system().kernelRelease,
  };
}
