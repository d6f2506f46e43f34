/**
 * Which connection is ended in which way, and which not at all, with the reason. Pure: the groups that were found, what this user and this
 * kernel can do, and what is wished for go in; a plan comes out, and nothing but that plan is carried out.
 */
import { olderThan } from "../base/kernel-release.ts";
import type { Probed } from "../host/host.ts";
import { ORPHANS_SINCE, TIME_WAIT_SINCE } from "../tcp/sock-destroy.ts";
import type { DropGroup, DropWay } from "../tcp/drop-plan.ts";
import type { DropFailure, DropStep } from "../tcp/drop-result.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { Socket } from "../tcp/socket.ts";
import { effectText, them } from "./drop-effects.ts";

export interface DropMeans {
  readonly sockDestroy: Probed;
  readonly kernelRelease: string;
}

export interface DropWish {
  /** Left out: SOCK_DESTROY; where that cannot be, a reset through the program's descriptor. */
  readonly how?: DropWay;
  /** The same command as it would be typed by root, for what needs a right. */
  readonly rootCommand?: string;
}

export type PlannedGroup<G extends DropGroup> =
  | { readonly group: G; readonly step: DropStep }
  | { readonly group: G; readonly refusal: DropFailure };

export function planDrop<G extends DropGroup>(
  groups: readonly G[],
  means: DropMeans,
  wish: DropWish,
): PlannedGroup<G>[] {
  return groups.map((group) => {
    const way = wayFor(group, means, wish);
    return typeof way === "string" ? { group, step: stepOf(group, way) } : { group, refusal: way };
  });
}

/** Is nothing asked of any program, and no open connection ended? Then nobody has to be asked. */
export function isHarmless(groups: readonly DropGroup[]): boolean {
  return groups.every(({ class: kind }) => kind === "time-wait" || kind === "fin-wait-2" || kind === "orphan");
}

function wayFor(group: DropGroup, means: DropMeans, wish: DropWish): DropWay | DropFailure {
  if (wish.how === "shutdown" || wish.how === "reset") return byDescriptor(group, wish.how, wish);
  const refusal = whyNotDestroy(group, means, wish);
  if (refusal === undefined) return "destroy";
  if (wish.how === "destroy" || group.class !== "held") return refusal;
  const instead = byDescriptor(group, "reset", wish);
  // Both are in the way of it: the first one is what would have to be changed.
  return typeof instead === "string" ? instead : refusal;
}

function whyNotDestroy(group: DropGroup, means: DropMeans, wish: DropWish): DropFailure | undefined {
  const { sockDestroy, kernelRelease } = means;
  if (sockDestroy.answer === "no") {
    const text =
      sockDestroy.lacks === "right"
        ? `destroying ${group.count === 1 ? "it" : "them"} ${sockDestroy.why}`
        : `${sockDestroy.why}${group.class === "time-wait" || group.class === "fin-wait-2" ? ": what remains is to wait" : ""}`;
    return refusal(group, sockDestroy.lacks, text, sockDestroy.lacks === "right" ? wish.rootCommand : undefined);
  }
  const since = group.class === "orphan" ? ORPHANS_SINCE : isMinisock(group) ? TIME_WAIT_SINCE : undefined;
  if (since === undefined || !olderThan(kernelRelease, since[0], since[1])) return undefined;
  const why =
    group.class === "orphan"
      ? "would say yes and could leave it for ever without an owner"
      : "cannot destroy what is in TIME-WAIT";
  return refusal(group, "kernel", `Linux ${kernelRelease} ${why}; ${since[0]}.${since[1]} and later do it right`);
}

function isMinisock({ class: kind }: DropGroup): boolean {
  return kind === "time-wait" || kind === "fin-wait-2";
}

/** What is shut on this side already is not ended by shutting it once more. */
const SHUT_HERE: readonly Socket["state"][] = ["FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"];

function byDescriptor(group: DropGroup, how: "shutdown" | "reset", wish: DropWish): DropWay | DropFailure {
  if (group.class !== "held")
    return refusal(group, "descriptor", `no program holds ${them(group)}: only --how destroy ends ${them(group)}`);
  if ((group.socket.owners ?? []).length === 0) {
    const hidden = group.socket.ownerless === "no-permission";
    return refusal(
      group,
      hidden ? "right" : "descriptor",
      hidden ? "the program that holds it may not be seen by this user" : "the program that holds it was not found",
      hidden ? wish.rootCommand : undefined,
    );
  }
  if (how === "shutdown" && SHUT_HERE.includes(group.socket.state))
    return refusal(group, "descriptor", "its program has shut it already, and waits: only a reset ends it");
  return how;
}

function refusal(
  group: DropGroup,
  lacks: NonNullable<DropFailure["lacks"]>,
  text: string,
  command?: string,
): DropFailure {
  return { count: group.count, socket: group.socket, lacks, text, ...(command === undefined ? {} : { command }) };
}

function stepOf(group: DropGroup, kind: DropWay): DropStep {
  return { kind, count: group.count, socket: group.socket, text: `${whatText(group)}: ${effectText(group, kind)}` };
}

function whatText(group: DropGroup): string {
  const { socket, count, state } = group;
  const [owner] = socket.owners ?? [];
  const holder = owner === undefined ? "" : ` of ${owner.command} (pid ${owner.pid})`;
  if (count > 1) return `${count} connections${holder} in ${state}`;
  return `the connection${holder} from ${formatEndpoint(socket.local)}${socket.remote === undefined ? "" : ` to ${formatEndpoint(socket.remote)}`} in ${state}`;
}
