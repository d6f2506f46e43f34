/** `drop` as a function: gather, plan, ask, carry out, prove. */
import { PortmortemError } from "../base/errors.ts";
import { hostFor } from "../ask/hosts.ts";
import type { HostOptions } from "../ask/hosts.ts";
import { requireKnownOptions } from "../ask/known-options.ts";
import type { Host } from "../host/host.ts";
import { gatherDropCandidates } from "../inspect/drop-candidates.ts";
import type { DropCandidates } from "../inspect/drop-candidates.ts";
import type { PeerPair } from "../inspect/peer-ports.ts";
import { DROP_WAYS } from "../tcp/drop-plan.ts";
import type { DropWay } from "../tcp/drop-plan.ts";
import type { DropPlan, DropResult, DropSpared, PeerPorts } from "../tcp/drop-result.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import { parseFilter } from "../tcp/filter/parse-filter.ts";
import type { Socket } from "../tcp/socket.ts";
import { typedCommand } from "../tcp/typed-command.ts";
import { requireActions, requireCookies } from "./acting-host.ts";
import { isHarmless, planDrop } from "./plan-drop.ts";
import type { DropWish } from "./plan-drop.ts";
import { runDrop } from "./run-drop.ts";
import type { DropOutcome } from "./run-drop.ts";

export interface DropOptions extends HostOptions {
  /** As for listSockets(). Throws PM_BAD_FILTER, and PM_FILTER_TOO_WIDE for one that rules nothing out. */
  readonly filter: string;
  /**
   * `destroy`: by the kernel (SOCK_DESTROY). `shutdown`, the gentle way, and `reset`: through the program's own descriptor. Left out:
   * `destroy`, and `reset` where that cannot be.
   */
  readonly how?: DropWay;
  /** No more than this many. */
  readonly limit?: number;
  /** Plan only. */
  readonly dryRun?: boolean;
  /** Consent to end what a program holds or waits for. What only the kernel holds needs none. */
  readonly yes?: boolean;
  /** Asked in place of `yes`, with the plan, before anything is done; false: nothing is. */
  readonly confirm?: (plan: DropPlan) => Promise<boolean>;
  readonly onProgress?: (done: number, of: number, what: "sockets" | "processes" | "dropped") => void;
  /** When it is aborted, the work stops after the request on its way, and the answer says how far it came. */
  readonly signal?: AbortSignal;
}

const OPTIONS = ["host", "netns", "filter", "how", "limit", "dryRun", "yes", "confirm", "onProgress", "signal"];

/**
 * Ends connections and leaves the programs alone. Never a listener. Throws what listSockets() throws for a filter, PM_NO_CONNECTION when
 * nothing but listeners and bound sockets match, PM_NEEDS_CONSENT, and PM_REPLAY_READ_ONLY, PM_NO_NATIVE, PM_NO_SOCK_DIAG where it cannot
 * be done at all. A connection that cannot be ended is no error: it is in `failed`.
 */
export async function drop(options: DropOptions): Promise<DropResult> {
  options.signal?.throwIfAborted();
  requireKnownOptions("drop()", options, OPTIONS);
  const filter = requireFilter(options.filter);
  requireSensible(options);
  const host = hostFor(options);
  const actions = requireActions(host);
  requireCookies(host);
  const { onProgress } = options;
  const question = {
    filter,
    byDescriptor: options.how === "shutdown" || options.how === "reset",
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(onProgress === undefined
      ? {}
      : { progress: (done: number, what: "sockets" | "processes") => onProgress(done, done, what) }),
  };
  let candidates = await gatherDropCandidates(host, actions, question, options.signal);
  // Only now it is known that the kernel does not do it: whoever holds the connections has to be found after all.
  if (needsDescriptors(candidates, options))
    candidates = await gatherDropCandidates(host, actions, { ...question, byDescriptor: true }, options.signal);
  const { kernelRelease, uid } = host.system();
  const { sockDestroy } = candidates.rights;
  const outside = sockDestroy.answer === "no" && sockDestroy.outside === true;
  const wish: DropWish = {
    ...(options.how === undefined ? {} : { how: options.how }),
    // To root of the machine sudo gives nothing.
    ...(uid === 0 && !outside ? {} : { rootCommand: commandOf(options, true) }),
    commandWith: (how) => commandOf({ ...options, how }, false),
  };
  const planned = planDrop(candidates.groups, { sockDestroy, kernelRelease }, wish);
  const steps = planned.filter((one) => "step" in one);
  const peers = candidates.peers.peers();
  const before = await portsTo(host, peers);
  const plan: DropPlan = {
    matched: candidates.matched,
    plan: steps.map(({ step }) => step),
    failed: planned.flatMap((one) => ("refusal" in one ? [one.refusal] : [])),
    spared: sparedOf(candidates),
    localPorts: before.filter((one) => one !== undefined),
    incomplete: candidates.incomplete,
  };
  if (plan.matched === 0 && plan.spared.length > 0) throw onlySpared(plan.spared);
  const nothing = { ...plan, dropped: 0, gone: 0 };
  if (options.dryRun === true) return { ...nothing, dryRun: true };
  if (steps.length === 0) return nothing;
  if (options.yes !== true) {
    if (options.confirm !== undefined) {
      if (!(await options.confirm(plan))) return { ...nothing, declined: true };
    } else if (!isHarmless(steps.map(({ group }) => group))) throw needsConsent(plan);
  }
  const outcome = await runDrop(planned, {
    host,
    actions,
    candidates,
    wish,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(onProgress === undefined ? {} : { onProgress: (done, of) => onProgress(done, of, "dropped") }),
  });
  return resultOf(plan, outcome, withAfter(before, await portsTo(host, peers)));
}

/** Most drops are about no peer in particular. */
async function portsTo(host: Host, peers: readonly PeerPair[]): Promise<readonly (PeerPorts | undefined)[]> {
  if (peers.length === 0) return [];
  const { countLocalPorts } = await import("./local-ports.ts");
  return countLocalPorts(host, peers);
}

function requireFilter(text: string): ReturnType<typeof parseFilter> {
  const filter = parseFilter(text);
  if (filter.kind !== "all") return filter;
  throw new PortmortemError("PM_FILTER_TOO_WIDE", "drop needs a filter: without one it would end every connection", {
    hint: "say which: portmortem drop 'state time-wait dport = :5432'",
  });
}

function requireSensible({ how, limit }: DropOptions): void {
  if (how !== undefined && !DROP_WAYS.includes(how)) {
    throw new PortmortemError("PM_USAGE", `${JSON.stringify(how)} is no way to end a connection`, {
      hint: `there are: ${DROP_WAYS.join(", ")}`,
    });
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new PortmortemError("PM_USAGE", `a limit of ${limit} is none`, { hint: "a number from 1 on" });
  }
}

function needsDescriptors({ rights, groups }: DropCandidates, { how }: DropOptions): boolean {
  const untraced = groups.flatMap(({ held }) => held.slice(0, 1)).some((socket) => isUntraced(socket));
  return how === undefined && rights.sockDestroy.answer === "no" && untraced;
}

function isUntraced({ owners, ownerless }: Socket): boolean {
  return owners === undefined && ownerless === undefined;
}

/** As it is typed. */
function commandOf({ filter, how, limit, netns }: DropOptions, asRoot: boolean): string {
  const words = [
    "drop",
    filter,
    ...(how === undefined ? [] : ["--how", how]),
    ...(limit === undefined ? [] : ["--limit", String(limit)]),
  ];
  return typedCommand(words, { asRoot, netns: netns === undefined ? undefined : String(netns) });
}

function sparedOf({ listeners, bound }: DropCandidates): DropSpared[] {
  const spared: DropSpared[] = [];
  if (listeners.socket !== undefined) {
    const { count, socket } = listeners;
    const which = count === 1 ? `the listener on ${formatEndpoint(socket.local)}` : `${count} listeners`;
    spared.push({
      count,
      socket,
      text: `${which}: destroyed, a listener would leave its program deaf, spinning and still in possession of the port; only the program can end it`,
    });
  }
  if (bound.socket !== undefined) {
    const { count, socket } = bound;
    const which = count === 1 ? `the socket bound to ${formatEndpoint(socket.local)}` : `${count} bound sockets`;
    spared.push({ count, socket, text: `${which}: not connected, so there is nothing to end but the program` });
  }
  return spared;
}

function onlySpared(spared: readonly DropSpared[]): PortmortemError {
  const [first] = spared;
  return new PortmortemError(
    "PM_NO_CONNECTION",
    `no connection matches, only what drop leaves alone: ${first?.text ?? ""}`,
    { hint: `portmortem why ${first?.socket.local.port ?? "PORT"} says whose it is and what to do` },
  );
}

function needsConsent({ plan }: DropPlan): PortmortemError {
  const count = plan.reduce((sum, step) => sum + step.count, 0);
  return new PortmortemError(
    "PM_NEEDS_CONSENT",
    `${count === 1 ? "a connection" : `${count} connections`} would be ended that a program may still need, and nobody is here to be asked`,
    { hint: "look at it with --dry-run, then say --yes" },
  );
}

function withAfter(
  before: readonly (PeerPorts | undefined)[],
  after: readonly (PeerPorts | undefined)[],
): readonly PeerPorts[] {
  return before.flatMap((ports, index) => {
    if (ports === undefined) return [];
    const now = after[index];
    return [now === undefined ? ports : { ...ports, after: now.before }];
  });
}

function resultOf(plan: DropPlan, outcome: DropOutcome, localPorts: readonly PeerPorts[]): DropResult {
  return {
    ...plan,
    dropped: outcome.dropped,
    gone: outcome.gone,
    ...(outcome.closing === 0 ? {} : { closing: outcome.closing }),
    failed: [...plan.failed, ...outcome.failed],
    localPorts,
    ...(outcome.interrupted ? { interrupted: true } : {}),
  };
}
