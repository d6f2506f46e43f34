/**
 * Carries a plan of plan-free.ts out, one kind of step after the other, and nothing else. Before each kind a real bind is tried: what is no
 * longer needed is not done.
 */
import type { HostActions, TargetList } from "../host/actions.ts";
import type { BindAttempt, Host } from "../host/host.ts";
import type { DropWay } from "../tcp/drop-plan.ts";
import type { DoneStep } from "../tcp/free-plan.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import type { Socket } from "../tcp/socket.ts";
import { durationText } from "../base/duration.ts";
import { throughDescriptor } from "./through-descriptor.ts";
import { endProcesses } from "./end-processes.ts";
import type { PlannedSignal } from "./end-processes.ts";
import type { PlannedStep } from "./planned-step.ts";
import { addSocket, isStillConnected, listenerCookies, lookAgain } from "./run-drop.ts";
import { giveWay, sleep } from "./sleep.ts";

export interface FreeRun {
  readonly host: Host;
  readonly actions: HostActions;
  readonly attempt: BindAttempt;
  readonly graceMs: number;
  /** What the ended have left behind, as steps. */
  readonly lookForRemains: () => Promise<readonly PlannedStep[]>;
  readonly signal?: AbortSignal;
  readonly onWaiting?: (what: ProcessNode | Socket, waitedMs: number, limitMs: number) => void;
}

export interface FreeOutcome {
  readonly done: readonly DoneStep[];
  readonly bindable: boolean;
}

const IN_A_REQUEST = 100;
/** A TIME-WAIT's timer is late by up to two seconds (the grain of the kernel's timer wheel). */
const LATE_MS = 3000;
const LOOK_MS = 50;
/** So long a program whose connection was ended has to close its descriptor. */
const CLOSE_MS = 1000;
const CLOSE_STEP_MS = 10;

export async function runFree(planned: readonly PlannedStep[], run: FreeRun): Promise<FreeOutcome> {
  const done: DoneStep[] = [];
  const rest = [...planned];
  while (rest.length > 0) {
    const some = nextOfAKind(rest);
    await giveWay();
    if (run.signal?.aborted === true)
      done.push(...some.map(({ step }) => ({ ...step, result: "interrupted" as const })));
    else if (isFree(run)) done.push(...some.map(({ step }) => ({ ...step, result: "not-needed" as const })));
    else done.push(...(await runSome(some, run)));
  }
  return { done, bindable: isFree(run) };
}

export function isFree({ host, attempt }: Pick<FreeRun, "host" | "attempt">): boolean {
  const answer = host.probeBind(attempt);
  return "result" in answer && answer.result === "ok";
}

/** Signals go out together: a parent that starts its workers anew is asked with them. */
function nextOfAKind(rest: PlannedStep[]): PlannedStep[] {
  const [first] = rest;
  const kind = first?.kind;
  const end = kind === "signal" ? rest.findIndex((one) => one.kind !== kind) : 1;
  return rest.splice(0, end < 0 ? rest.length : end);
}

async function runSome(some: readonly PlannedStep[], run: FreeRun): Promise<DoneStep[]> {
  const [first] = some as [PlannedStep];
  switch (first.kind) {
    case "wait":
      return [await waitOut(first, run)];
    case "destroy":
      return first.sockets.length > 0 ? [destroy(first, run)] : [await clearRemains(first, run)];
    case "drop":
      return [await release(first, run)];
    case "signal":
      return endProcesses(
        some.filter((one): one is PlannedSignal => one.kind === "signal"),
        {
          ...run,
          isFree: () => isFree(run),
        },
      );
    case "container":
      return [await stopContainer(first, run)];
  }
}

async function waitOut(
  { step, sockets }: Extract<PlannedStep, { kind: "wait" }>,
  { host, signal, onWaiting }: FreeRun,
): Promise<DoneStep> {
  const started = Date.now();
  let left: readonly Socket[] = [...sockets].sort((a, b) => (a.timer?.remainingMs ?? 0) - (b.timer?.remainingMs ?? 0));
  for (;;) {
    // The last one to end stands for all: only when it is gone the others are looked at.
    if (lookAgain(host, left.at(-1)!) === undefined)
      left = left.filter((socket) => lookAgain(host, socket) !== undefined);
    if (left.length === 0) return { ...step, result: "ok" };
    const waitedMs = Date.now() - started;
    if (waitedMs > step.forMs + LATE_MS)
      return { ...step, result: "failed", why: "it is still there: something made it begin anew" };
    onWaiting?.(left.at(-1)!, waitedMs, step.forMs);
    if (!(await rest(LOOK_MS, signal)))
      return { ...step, result: "interrupted", why: `after ${durationText(Date.now() - started)}` };
  }
}

function destroy({ step, sockets }: Extract<PlannedStep, { kind: "destroy" }>, run: FreeRun): DoneStep {
  const { errno, gone } = destroyAll(sockets, run);
  if (errno !== undefined) return { ...step, result: "failed", errno, why: `the kernel answers ${errno}` };
  return { ...step, result: gone === sockets.length ? "gone" : "ok" };
}

/** The kernel answers before the socket has left the table of ports only for what is not destroyed at all; a bind proves the rest. */
function destroyAll(
  sockets: readonly Socket[],
  { host, actions }: FreeRun,
): { readonly gone: number; readonly errno?: string } {
  let gone = 0;
  let errno: string | undefined;
  const list: TargetList = actions.targets();
  const held = sockets.some(({ inode }) => inode !== undefined);
  const listening = held ? listenerCookies(host) : new Set();
  const listed: Socket[] = [];
  for (const socket of sockets) {
    if (listening.has(socket.cookie) || !addSocket(list, socket)) gone++;
    else listed.push(socket);
  }
  for (let from = 0; from < list.length; from += IN_A_REQUEST) {
    const { failed } = actions.destroy(list, from, Math.min(from + IN_A_REQUEST, list.length));
    for (const failure of failed) {
      // A filter for system calls can answer that, too.
      if (failure.errno === "ENOENT" && lookAgain(host, listed[failure.index]!) === undefined) gone++;
      else errno = failure.errno;
    }
  }
  return { gone, ...(errno === undefined ? {} : { errno }) };
}

async function clearRemains({ step }: Extract<PlannedStep, { kind: "destroy" }>, run: FreeRun): Promise<DoneStep> {
  const remains: Extract<PlannedStep, { kind: "destroy" }>[] = [];
  for (const one of await run.lookForRemains()) {
    // What only may be in the way comes after what somebody holds, and that is not for this step to end.
    if (one.kind !== "destroy" || one.sockets.length === 0) break;
    remains.push(one);
  }
  const results: DoneStep[] = [];
  let count = 0;
  for (const one of remains) {
    // What is in the way for certain comes first.
    if (count > 0 && isFree(run)) break;
    results.push(destroy(one, run));
    count += one.sockets.length;
  }
  if (count === 0) return { ...step, result: "not-needed" };
  const bad = results.find(({ result }) => result === "failed");
  return {
    ...step,
    count,
    result: bad === undefined ? "ok" : "failed",
    ...(bad?.errno === undefined ? {} : { errno: bad.errno }),
    ...(bad?.why === undefined ? {} : { why: bad.why }),
  };
}

async function release(
  { step, sockets, staysBound }: Extract<PlannedStep, { kind: "drop" }>,
  run: FreeRun,
): Promise<DoneStep> {
  let ended = 0;
  let gone = 0;
  for (const socket of sockets) {
    const tried = ended + gone;
    const soFar = tried === 0 ? {} : { why: `after ${tried} of ${sockets.length}` };
    if (run.signal?.aborted === true) return { ...step, result: "interrupted", ...soFar };
    // Of some it cannot be seen whether they are in the way.
    if (tried > 0 && isFree(run)) break;
    const answer = endOne(socket, step.how, run);
    if (answer === "ok") ended++;
    else if (answer === "gone") gone++;
    else
      return {
        ...step,
        result: "failed",
        errno: answer,
        why: [`the kernel answers ${answer}`, soFar.why].filter(Boolean).join(", "),
      };
  }
  if (ended === 0) return { ...step, result: "gone" };
  // Its program reads an error and closes it, if it is well-behaved.
  const until = Date.now() + (staysBound ? CLOSE_MS : 0);
  while (!isFree(run) && Date.now() < until) if (!(await rest(CLOSE_STEP_MS, run.signal))) break;
  return { ...step, result: "ok", ...(staysBound && !isFree(run) ? shareDead(sockets, run) : {}) };
}

/** An errno: it is there still. */
function endOne(socket: Socket, how: DropWay, run: FreeRun): string {
  if (how === "destroy") {
    const { errno, gone } = destroyAll([socket], run);
    return errno ?? (gone === 1 ? "gone" : "ok");
  }
  if (!isStillConnected(run.host, socket)) return "gone";
  const answer = throughDescriptor(run.host, run.actions, socket, "reset");
  // Its program may have closed it between the two looks.
  return answer === "ok" || isStillConnected(run.host, socket) ? answer : "gone";
}

/**
 * What is dead and still bound is in nobody's way who sets SO_REUSEADDR, if it has it too (inet_bind_conflict): the option can be set through
 * a duplicate of the descriptor.
 */
function shareDead(sockets: readonly Socket[], { host, actions, attempt }: FreeRun): { readonly why?: string } {
  if (!attempt.reuseAddr || attempt.protocol !== "tcp") return {};
  const set = sockets.filter((socket) => throughDescriptor(host, actions, socket, "allowReuse") === "ok");
  return set.length === 0 ? {} : { why: "its program has not closed the socket: SO_REUSEADDR was set on it" };
}

async function stopContainer(
  { step, container }: Extract<PlannedStep, { kind: "container" }>,
  { actions, graceMs, signal }: FreeRun,
): Promise<DoneStep> {
  const answer = await actions.stopContainer(container, { graceMs, ...(signal === undefined ? {} : { signal }) });
  if (answer === "ok") return { ...step, result: "ok" };
  if (answer === "already") return { ...step, result: "gone" };
  if (answer.failure === "interrupted") return { ...step, result: "interrupted", why: answer.why };
  return { ...step, result: "failed", why: answer.why, ...(answer.errno === undefined ? {} : { errno: answer.errno }) };
}

/** False: interrupted. */
async function rest(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await sleep(ms, signal);
    return true;
  } catch {
    return false;
  }
}
