/**
 * Asks processes to end and waits until they have, or until they have let go of what they hold: a server that has closed its listener and
 * still answers its last requests is left to that. Each is held by a pidfd from before the first signal, so that none goes to whoever has
 * its number by then.
 */
import { durationText } from "../base/duration.ts";
import type { HostActions, ProcessHandle } from "../host/actions.ts";
import type { Host } from "../host/host.ts";
import type { DoneStep, SignalStep } from "../tcp/free-plan.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import type { Socket } from "../tcp/socket.ts";
import { isStopped } from "./plan-ending.ts";
import type { PlannedStep } from "./planned-step.ts";
import { sleep } from "./sleep.ts";

export type PlannedSignal = Extract<PlannedStep, { kind: "signal" }>;

export interface EndingTools {
  readonly host: Host;
  readonly actions: HostActions;
  /** So long they have after SIGTERM. */
  readonly graceMs: number;
  /** Does a real bind work by now? */
  readonly isFree: () => boolean;
  readonly signal?: AbortSignal;
  readonly onWaiting?: (process: ProcessNode, waitedMs: number, limitMs: number) => void;
}

/** What is killed is gone within milliseconds, unless it sleeps in the kernel where no signal reaches it. */
const KILL_MS = 3000;
const FIRST_STEP_MS = 1;
const LONGEST_STEP_MS = 25;
/** A program can be stopped once more as it goes on: it asks its terminal for something in the background. */
const STOPPED_AGAIN_MS = 200;

export async function endProcesses(steps: readonly PlannedSignal[], tools: EndingTools): Promise<DoneStep[]> {
  const targets = new Map<number, Target>();
  try {
    for (const { process, sockets } of steps)
      if (!targets.has(process.pid)) targets.set(process.pid, new Target(tools, process, sockets));
    const results = new Map<SignalStep, DoneStep>();
    const first = steps.filter(({ step }) => step.afterMs === undefined);
    for (const { step, process } of first) {
      if (tools.signal?.aborted === true) break;
      results.set(step, { ...step, ...targets.get(process.pid)!.send(step.signal) });
    }
    const asked = [...targets.values()].filter(({ wasAsked }) => wasAsked);
    await waitFor(asked, tools.graceMs, tools);
    // What the first signal came to is said before the last one goes out.
    for (const { step, process } of first) {
      const sent = results.get(step);
      if (sent !== undefined) results.set(step, settle(sent, targets.get(process.pid)!, tools));
    }
    const last = steps.filter(({ step }) => step.afterMs !== undefined);
    for (const { step, process } of last) {
      if (tools.signal?.aborted === true) break;
      const target = targets.get(process.pid)!;
      results.set(step, {
        ...step,
        ...(target.isDone() ? { result: "not-needed" as const } : target.send(step.signal)),
      });
    }
    const killed = last.filter(({ step }) => results.get(step)?.result === "ok");
    await waitFor(
      killed.map(({ process }) => targets.get(process.pid)!),
      KILL_MS,
      tools,
    );
    for (const { step, process } of killed)
      results.set(step, settle(results.get(step)!, targets.get(process.pid)!, tools));
    return steps.map(({ step }) => results.get(step) ?? { ...step, result: "interrupted" });
  } finally {
    for (const target of targets.values()) target.close();
  }
}

/** A signal that was sent is one thing, that it did what it was sent for another. */
function settle(done: DoneStep, target: Target, tools: EndingTools): DoneStep {
  if (done.kind !== "signal" || done.result !== "ok" || done.signal === "SIGCONT" || target.isDone()) return done;
  if (tools.signal?.aborted === true)
    return { ...done, result: "interrupted", why: "it was sent; whether it ends was not waited for" };
  return { ...done, result: "failed", why: target.whyStillThere(done.signal === "SIGKILL" ? KILL_MS : tools.graceMs) };
}

async function waitFor(
  targets: readonly Target[],
  limitMs: number,
  { isFree, signal, onWaiting }: EndingTools,
): Promise<void> {
  const started = Date.now();
  let stepMs = FIRST_STEP_MS;
  let lookedAtState = started;
  for (;;) {
    const waiting = targets.filter((target) => !target.hasEnded());
    if (waiting.length === 0 || signal?.aborted === true) return;
    const now = Date.now();
    if (now - started >= limitMs) return;
    // Whoever is asked for being of the same program is waited for, free or not.
    if (waiting.every((target) => target.hasLetGo()) && isFree()) return;
    if (now - lookedAtState >= STOPPED_AGAIN_MS) {
      lookedAtState = now;
      for (const target of waiting) target.continueIfStopped();
    }
    onWaiting?.(waiting[0]!.process, now - started, limitMs);
    await sleep(Math.min(stepMs, limitMs - (now - started)), signal).catch(() => undefined);
    stepMs = Math.min(stepMs * 1.5, LONGEST_STEP_MS);
  }
}

class Target {
  readonly process: ProcessNode;
  readonly #host: Host;
  readonly #sockets: readonly Socket[];
  readonly #handle: ProcessHandle | undefined;
  readonly #errno: string | undefined;
  wasAsked = false;

  constructor({ host, actions }: EndingTools, process: ProcessNode, sockets: readonly Socket[]) {
    this.process = process;
    this.#host = host;
    this.#sockets = sockets;
    const opened = actions.openProcess(process);
    if ("errno" in opened) this.#errno = opened.errno;
    else this.#handle = opened;
  }

  /** It is asked because it holds the port, not for being of the same program. */
  get holds(): boolean {
    return this.#sockets.length > 0;
  }

  send(name: SignalStep["signal"]): Pick<DoneStep, "result" | "errno" | "why"> {
    const handle = this.#handle;
    if (handle === undefined) return this.#errno === "ESRCH" ? { result: "gone" } : failed(this.#errno ?? "EINVAL");
    if (handle.hasEnded()) return { result: "gone" };
    // The least that works: who has closed it meanwhile is not asked any more.
    if (this.hasLetGo()) return { result: "gone", why: "it holds the port no longer" };
    const answer = handle.signal(name);
    if (answer === "ESRCH") return { result: "gone" };
    if (answer !== "ok") return failed(answer);
    this.wasAsked = true;
    return { result: "ok" };
  }

  hasEnded(): boolean {
    return this.#handle === undefined ? this.#errno === "ESRCH" : this.#handle.hasEnded();
  }

  isDone(): boolean {
    return this.hasEnded() || this.hasLetGo();
  }

  hasLetGo(): boolean {
    return this.holds && !this.#sockets.some((socket) => this.#isHeld(socket));
  }

  #isHeld({ owners = [], inode }: Socket): boolean {
    const mine = owners.filter(({ pid }) => pid === this.process.pid);
    if (mine.some(({ pid, fd }) => this.#host.socketInode(pid, fd) === inode)) return true;
    // Under another number, or not to be seen: then its end is what counts.
    const all = this.#host.socketFds(this.process.pid);
    return "errno" in all ? !this.hasEnded() : all.fds.some((one) => one.inode === inode);
  }

  continueIfStopped(): void {
    const now = this.#host.again().process(this.process.pid);
    if (now !== undefined && isStopped({ ...this.process, state: now.state })) this.#handle?.signal("SIGCONT");
  }

  whyStillThere(afterMs: number): string {
    const state = this.#host.again().process(this.process.pid)?.state;
    if (state === "D")
      return "it sleeps in the kernel where no signal reaches it (state D): it ends when what it waits for, most often a disk or a file server, answers";
    if (state === "T")
      return "each time it is continued it stops again: it wants its terminal, and is not in the foreground there";
    return `it was still there after ${durationText(afterMs)}`;
  }

  close(): void {
    this.#handle?.close();
  }
}

function failed(errno: string): Pick<DoneStep, "result" | "errno" | "why"> {
  return { result: "failed", errno, why: errno === "EPERM" ? "this user may not signal it" : errno };
}
