/**
 * Which connection is ended in which way, and which not at all, with the reason. Pure: the groups that were found, what this user and this
 * kernel can do, and what is wished for go in; a plan comes out, and nothing but that plan is carried out.
 */
import { durationText } from "../base/duration.ts";
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
  /** The same command with another `how`. */
  readonly commandWith?: (how: DropWay) => string;
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
    const { lacks, why } = sockDestroy;
    const text = lacks === "right" ? `destroying ${them(group)} ${why}` : why;
    return refuse(group, lacks, `${text}${whatRemains(group)}`, insteadOf(group, lacks, wish));
  }
  const since = group.class === "orphan" ? ORPHANS_SINCE : isMinisock(group) ? TIME_WAIT_SINCE : undefined;
  if (since === undefined || !olderThan(kernelRelease, since[0], since[1])) return undefined;
  const why =
    group.class === "orphan"
      ? "would say yes and could leave it for ever without an owner"
      : "cannot destroy what is in TIME-WAIT";
  const text = `Linux ${kernelRelease} ${why}; ${since[0]}.${since[1]} and later do it right`;
  return refuse(group, "kernel", `${text}${whatRemains(group)}`);
}

/** What can be typed instead of a SOCK_DESTROY that cannot be. */
export function insteadOf(group: DropGroup, lacks: DropFailure["lacks"], wish: DropWish): string | undefined {
  if (lacks === "right" && wish.rootCommand !== undefined) return wish.rootCommand;
  return group.class === "held" && (group.socket.owners ?? []).length > 0 ? wish.commandWith?.("reset") : undefined;
}

/** Waiting is the next best, and the kernel says for how long. */
export function whatRemains(group: DropGroup): string {
  const { class: kind, endsInMs, count } = group;
  const one = count === 1;
  if (kind === "orphan")
    return `; left alone, ${one ? "it ends" : "they end"} once the kernel gives up sending, minutes at most`;
  if (endsInMs === undefined) return "";
  return `; left alone, ${one ? "it ends" : "the last of them ends"} by itself in ${durationText(endsInMs)}`;
}

function isMinisock({ class: kind }: DropGroup): boolean {
  return kind === "time-wait" || kind === "fin-wait-2";
}

/** What is shut on this side already is not ended by shutting it once more. */
const SHUT_HERE: readonly Socket["state"][] = ["FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"];

function byDescriptor(group: DropGroup, how: "shutdown" | "reset", wish: DropWish): DropWay | DropFailure {
  if (group.class !== "held")
    return refuse(
      group,
      "descriptor",
      `no program holds ${them(group)}: only --how destroy ends ${them(group)}`,
      wish.commandWith?.("destroy"),
    );
  if ((group.socket.owners ?? []).length === 0) {
    const hidden = group.socket.ownerless === "no-permission";
    return refuse(
      group,
      hidden ? "right" : "descriptor",
      hidden ? "the program that holds it may not be seen by this user" : "the program that holds it was not found",
      hidden ? wish.rootCommand : undefined,
    );
  }
  if (how === "shutdown" && SHUT_HERE.includes(group.socket.state))
    return refuse(
      group,
      "descriptor",
      "its program has shut it already, and waits: only a reset ends it",
      wish.commandWith?.("reset"),
    );
  return how;
}

function refuse(
  group: DropGroup,
  lacks: NonNullable<DropFailure["lacks"]>,
  text: string,
  command?: string,
): DropFailure {
  const { count, socket, endsInMs } = group;
  return {
    count,
    socket,
    lacks,
    text,
    ...(endsInMs === undefined ? {} : { endsInMs }),
    ...(command === undefined ? {} : { command }),
  };
}

function stepOf(group: DropGroup, kind: DropWay): DropStep {
  const text = `${whatText(group)}: ${effectText(group, kind)}`;
  const gentle = kind !== "shutdown" && canBeShut(group) ? ({ gentler: "shutdown" } as const) : {};
  return { kind, count: group.count, socket: group.socket, text, ...gentle };
}

/** Where a program holds a connection and has not shut it, it can also be ended in order. */
function canBeShut({ socket: { owners, state } }: DropGroup): boolean {
  return (owners ?? []).length > 0 && (state === "ESTABLISHED" || state === "CLOSE-WAIT");
}

function whatText(group: DropGroup): string {
  const { socket, count, state } = group;
  const [owner] = socket.owners ?? [];
  const holder = owner === undefined ? "" : ` of ${owner.command} (pid ${owner.pid})`;
  if (count > 1) return `${count} connections${holder} in ${state}`;
  return `the connection${holder} from ${formatEndpoint(socket.local)}${socket.remote === undefined ? "" : ` to ${formatEndpoint(socket.remote)}`} in ${state}`;
}
