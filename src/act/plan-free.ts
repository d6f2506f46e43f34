/**
 * What is done to make a port bindable, least destructive first, and what is left alone, with the reason. Pure: what was seen of the port,
 * of the processes and of the rights goes in; a plan comes out, and nothing but that plan is carried out.
 */
import { olderThan } from "../base/kernel-release.ts";
import { durationText } from "../base/duration.ts";
import type { DropWay } from "../tcp/drop-plan.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { FreeRefusal } from "../tcp/free-plan.ts";
import type { Socket } from "../tcp/socket.ts";
import { describe, isUdpClient } from "../verdict/holder-rule.ts";
import type { CloseVerdict } from "../verdict/judge-bind.ts";
import type { FreeFacts } from "./free-facts.ts";
import type { FreeWish, PlannedFree, PlannedStep } from "./planned-step.ts";
import { planEnding } from "./plan-ending.ts";
import { ORPHANS_SINCE, TIME_WAIT_SINCE } from "../tcp/sock-destroy.ts";

export type Blocking = CloseVerdict["blocking"][number];

/** Needs nobody's consent: only the kernel holds what it is about. */
export function isHarmless(steps: readonly PlannedStep[]): boolean {
  return steps.every(({ kind }) => kind === "wait" || kind === "destroy");
}

export function planFree(facts: FreeFacts, wish: FreeWish): PlannedFree {
  const { verdict } = facts;
  if (verdict.why.bindable) return { steps: [], refused: [] };
  const blocking = verdict.blocking.map((one) => asClient(one, facts));
  // A right that is missing or an address that nobody has: no socket is in the way.
  if (blocking.length === 0) return { steps: [], refused: verdict.why.blockers.map(refusalOfRule(verdict)) };
  const steps: PlannedStep[] = [];
  const refused: FreeRefusal[] = [];
  const waited = blocking.filter(({ freeInMs }) => freeInMs !== undefined && freeInMs <= wish.waitMs);
  if (waited.length > 0) steps.push(planWait(waited));
  for (const group of grouped(blocking.filter((one) => !waited.includes(one) && isOwnerless(one)))) {
    const refusal = whyNotDestroy(group, facts, wish);
    if (refusal === undefined) steps.push(planDestroy(group));
    else refused.push(refusal);
  }
  // What a server accepted goes when it goes: one that is in the way, not any that has the same port on another address. What somebody went
  // out by stays, and must not be refused only when the server has ended for it.
  const served = blocking.some(({ rule }) => rule === "listener");
  const released = blocking.filter((one) => isConnection(one) && (!served || one.outgoing === true));
  for (const group of grouped(released)) {
    const planned = planRelease(group, facts, wish);
    if ("step" in planned) steps.push(planned);
    else refused.push(planned);
  }
  const held = blocking.filter(({ rule }) => rule === "listener" || rule === "bound");
  const ending = planEnding(
    held.map(({ holder }) => holder.socket),
    facts,
    wish,
  );
  steps.push(...ending.steps);
  refused.push(...ending.refused);
  if (ending.steps.length > 0) steps.push(leftBehind());
  return { steps, refused };
}

/** Its program is somebody's client, and does not have to end. */
function asClient(one: Blocking, { snapshot }: FreeFacts): Blocking {
  return isUdpClient(one.holder.socket, snapshot.settings) ? { ...one, rule: "client", outgoing: true } : one;
}

function refusalOfRule({ why }: CloseVerdict): (blocker: CloseVerdict["why"]["blockers"][number]) => FreeRefusal {
  return ({ count, text, rule }) => {
    const command = why.advice.find((advice) => advice.command !== undefined)?.command;
    return {
      count,
      text,
      ...(rule === "privileged-port" ? { lacks: "right" as const } : {}),
      ...(command === undefined ? {} : { command }),
    };
  };
}

/** Only the kernel holds it. */
function isOwnerless({ rule, holder }: Blocking): boolean {
  return rule === "time-wait" || rule === "orphan" || (rule === "fin-wait-2" && holder.socket.inode === undefined);
}

function isConnection({ rule, holder }: Blocking): boolean {
  return (
    rule === "client" ||
    rule === "connection" ||
    rule === "close-wait" ||
    rule === "unaccepted" ||
    (rule === "fin-wait-2" && holder.socket.inode !== undefined)
  );
}

/** Of a group the same can be said. */
function grouped(blocking: readonly Blocking[]): Blocking[][] {
  const groups = new Map<string, Blocking[]>();
  for (const one of blocking) {
    const { socket, autoBound } = one.holder;
    const pids = (socket.owners ?? []).map(({ pid }) => pid).join(",");
    const key = `${one.outgoing === true}|${one.rule}|${socket.state}|${pids}|${socket.ownerless ?? ""}|${autoBound ?? ""}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function socketsOf(group: readonly Blocking[]): Socket[] {
  return group.map(({ holder }) => holder.socket);
}

function planWait(waited: readonly Blocking[]): PlannedStep {
  const forMs = Math.max(...waited.map(({ freeInMs = 0 }) => freeInMs));
  const [first] = waited as [Blocking];
  const what = describe(first.rule, first.holder.socket, waited.length);
  const text = `${what}: wait ${durationText(Math.ceil(forMs / 1000) * 1000)}, and nothing has to be done`;
  const sockets = socketsOf(waited);
  return { kind: "wait", step: { kind: "wait", count: waited.length, socket: sockets[0]!, forMs, text }, sockets };
}

function planDestroy(group: readonly Blocking[]): PlannedStep {
  const [first] = group as [Blocking];
  const sockets = socketsOf(group);
  const count = sockets.length;
  const lost = first.rule === "orphan" ? "; what was not delivered yet is lost" : "";
  const text = `${describe(first.rule, sockets[0]!, count)}: cleared${lost}`;
  return {
    kind: "destroy",
    step: { kind: "destroy", count, socket: sockets[0]!, text },
    sockets,
  };
}

/** A program's end leaves connections that it closed first, and with SO_REUSEADDR missing on one side they keep the port. */
function leftBehind(): PlannedStep {
  const text = "what is left behind then, if it is in the way (TIME-WAIT and the like): cleared";
  return { kind: "destroy", step: { kind: "destroy", text, ifNeeded: true }, sockets: [] };
}

export function whyNotDestroy(group: readonly Blocking[], facts: FreeFacts, wish: FreeWish): FreeRefusal | undefined {
  const { sockDestroy, kernelRelease } = facts;
  const [{ rule, holder }] = group as [Blocking];
  const orphan = rule === "orphan" || (rule === "fin-wait-2" && holder.socket.timer?.kind !== "time-wait");
  const count = group.length;
  const base = { count, socket: holder.socket };
  const what = describe(rule, holder.socket, count);
  const longest = Math.max(...group.map(({ freeInMs = Infinity }) => freeInMs));
  const waiting = longest === Infinity ? undefined : `${Math.ceil(longest / 1000)}s`;
  const instead =
    waiting === undefined
      ? ""
      : `; ${count === 1 ? "it ends" : "they end"} by ${count === 1 ? "itself" : "themselves"} in ${waiting.slice(0, -1)} s, and --wait ${waiting} waits for that`;
  const waitCommand = waiting === undefined ? {} : { command: wish.command(["--wait", waiting], false) };
  if (sockDestroy.answer === "no" && sockDestroy.lacks === "right")
    return {
      ...base,
      lacks: "right",
      text: `${what}; clearing ${them(count)} ${sockDestroy.why}${instead}`,
      // Who is root already is refused by something else than a right: a filter, a security module.
      ...(facts.snapshot.settings.asker.uid === 0 ? waitCommand : { command: wish.command([], true) }),
    };
  if (sockDestroy.answer === "no")
    return { ...base, lacks: "kernel", text: `${what}; ${sockDestroy.why}${instead}`, ...waitCommand };
  const [major, minor] = orphan ? ORPHANS_SINCE : TIME_WAIT_SINCE;
  if (!olderThan(kernelRelease, major, minor)) return undefined;
  const why = orphan
    ? `Linux ${kernelRelease} would say yes and could leave ${them(count)} for ever without an owner`
    : `Linux ${kernelRelease} cannot clear what is in TIME-WAIT`;
  return {
    ...base,
    lacks: "kernel",
    text: `${what}; ${why}; ${major}.${minor} and later do it right${instead}`,
    ...waitCommand,
  };
}

function planRelease(group: readonly Blocking[], facts: FreeFacts, wish: FreeWish): PlannedStep | FreeRefusal {
  const [{ holder, outgoing = false }] = group as [Blocking];
  const { socket } = holder;
  const count = group.length;
  const owner = socket.owners?.[0];
  const whose = owner === undefined ? "" : ` of ${owner.command} (pid ${owner.pid})`;
  const what =
    count === 1
      ? `${outgoing ? "the outgoing connection" : "the connection"}${whose} ${outgoing ? "to" : "with"} ${socket.remote === undefined ? "?" : formatEndpoint(socket.remote)}`
      : `${count} ${outgoing ? "outgoing " : ""}connections${whose}`;
  const base = { count, socket, ...(owner === undefined ? {} : { pid: owner.pid }) };
  if (outgoing && wish.clients === "leave") {
    return {
      ...base,
      lacks: "option",
      text: `${what} took the port as ${count === 1 ? "its" : "their"} own; with --drop-clients ${count === 1 ? "it is" : "they are"} ended and the program left alone`,
      command: wish.command(["--drop-clients"], false),
    };
  }
  const how = wayOf(socket, facts);
  if (typeof how !== "string")
    return {
      ...base,
      ...how,
      text: `${what} cannot be ended: ${how.text}`,
      ...(how.lacks === "right" ? { command: wish.command([], true) } : {}),
    };
  const ended = count === 1 ? "ended" : "each ended";
  const seen =
    socket.protocol === "udp"
      ? "its socket has neither peer nor port then"
      : `it gets ${how === "reset" ? "ECONNRESET" : "ECONNABORTED"}, the peer ECONNRESET`;
  const staysBound = group.some((one) => one.holder.autoBound !== true);
  // Known only where it was asked for in bind(); a guess is no reason to speak of it.
  const kept = group.some((one) => one.holder.autoBound === false) && facts.snapshot.question.reuseAddr;
  const then = kept ? "; if it keeps the dead socket, SO_REUSEADDR is set on that" : "";
  const text = `${what}: ${ended}, the program left alone; ${seen}${then}`;
  const sockets = socketsOf(group);
  return {
    kind: "drop",
    step: { kind: "drop", how, count, socket, text },
    sockets,
    staysBound,
  };
}

/** SOCK_DESTROY, else a reset through its program's descriptor. */
function wayOf(socket: Socket, { sockDestroy }: FreeFacts): DropWay | Pick<FreeRefusal, "lacks" | "text"> {
  if (socket.protocol === "tcp" && sockDestroy.answer !== "no") return "destroy";
  if ((socket.owners ?? []).length > 0) return "reset";
  if (sockDestroy.answer === "no" && socket.protocol === "tcp")
    return { lacks: sockDestroy.lacks, text: sockDestroy.why };
  return { lacks: "descriptor", text: "the program that holds it was not found" };
}

function them(count: number): string {
  return count === 1 ? "it" : "them";
}
