/**
 * One port on its way to being free: looked at, planned for, acted upon; and looked at again, since the end of one holder can bring another
 * to light. What is new then becomes a plan of its own, with a consent of its own. What is only back again is not: it is said who did it.
 */
import type { HeldNamespace, HostActions } from "../host/actions.ts";
import type { BindAttempt, Host } from "../host/host.ts";
import type { BindRequest } from "../inspect/bind-facts.ts";
import type { BindQuestion } from "../tcp/bind-snapshot.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { DoneStep, FreeEndpoint, FreePlan, FreeRefusal, FreeResult, FreeStep } from "../tcp/free-plan.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import type { Socket } from "../tcp/socket.ts";
import { findCameBack } from "./came-back.ts";
import { freeCommand } from "./free-command.ts";
import { gatherFreeFacts } from "./free-facts.ts";
import type { FreeFacts } from "./free-facts.ts";
import { isHarmless, planFree } from "./plan-free.ts";
import type { FreeWish, PlannedFree, PlannedStep } from "./planned-step.ts";
import { nameOf } from "./plan-ending.ts";
import { isFree, runFree } from "./run-free.ts";
import { sleep } from "./sleep.ts";
import { watchForRestart } from "./watch-restart.ts";

export interface FreeTask {
  readonly host: Host;
  readonly actions: HostActions;
  readonly request: BindRequest;
  readonly attemptOf: (question: BindQuestion) => BindAttempt;
  readonly wish: Omit<FreeWish, "command">;
  readonly signal: AbortSignal | undefined;
}

export interface RunOptions {
  /** For a plan that was not shown yet. */
  readonly consent: () => Promise<boolean>;
  readonly onWaiting?: (text: string, waitedMs: number, limitMs: number) => void;
}

/** Whoever forks as it dies, again and again, is not followed for ever. */
const MOST_ROUNDS = 6;
/** A process that ends is seen without its descriptors, and with its listener, for a millisecond or two. */
const LOOK_AGAIN_MS = 5;
const MOST_LOOKS = 20;

/** Whoever makes one closes it. */
export class FreeOne {
  readonly #task: FreeTask;
  /** From the first look on: another port's holder may be the last process there, too. The proof is made also when it has ended. */
  readonly #namespace: HeldNamespace;
  #facts!: FreeFacts;
  #first!: FreeFacts;
  #current: PlannedFree = { steps: [], refused: [] };
  readonly #all: FreeStep[] = [];
  /** Every socket of the port that was seen, by cookie: another one is somebody's new one. */
  readonly #known = new Set<string>();
  readonly #asked = new Map<number, ProcessNode>();
  readonly #ended = new Set<string>();
  bindable = false;
  cameBack: FreeResult["cameBack"];

  constructor(task: FreeTask) {
    this.#task = task;
    this.#namespace = task.actions.hold();
  }

  close(): void {
    this.#namespace.release();
  }

  async look(): Promise<void> {
    this.#take(await this.#see(this.#task.signal));
    this.#first = this.#facts;
    for (const { socket } of this.#facts.snapshot.holders)
      if (socket.cookie !== undefined) this.#known.add(socket.cookie);
  }

  async run(options: RunOptions): Promise<DoneStep[]> {
    const { host, actions, wish, signal } = this.#task;
    const done: DoneStep[] = [];
    for (let round = 1; this.steps.length > 0; round++) {
      const attempt = this.#task.attemptOf(this.#facts.snapshot.question);
      const outcome = await runFree(this.steps, {
        host,
        actions,
        attempt,
        graceMs: wish.graceMs,
        lookForRemains: async () => this.#plan(await this.#gather(undefined)).steps,
        ...(signal === undefined ? {} : { signal }),
        ...(options.onWaiting === undefined
          ? {}
          : { onWaiting: (what, ms, limitMs) => options.onWaiting?.(waitingFor(what), ms, limitMs) }),
      });
      done.push(...outcome.done);
      this.#remember();
      this.bindable = outcome.bindable;
      if (signal?.aborted === true) break;
      if (this.bindable && !(await this.#comesBack(attempt))) break;
      // Once something was done, an interruption is no error: it has to be told.
      const next = await this.#see(undefined);
      if (this.bindable) break;
      this.cameBack = findCameBack(this.#first, this.#facts, this.#known);
      const steps = next.steps.filter((one) => this.#isNew(one));
      const stuck = next.steps.flatMap((one) => (this.#isNew(one) ? [] : (this.#whyStuck(one) ?? [])));
      const endless = round === MOST_ROUNDS ? steps.flatMap((one) => whyEndless(one) ?? []) : [];
      const refused = [...next.refused, ...stuck, ...endless];
      this.#current = { steps: [], refused: this.cameBack === undefined ? refused : [] };
      // What remains besides is not touched either: the port would not be free.
      if (this.cameBack !== undefined || round === MOST_ROUNDS || steps.length === 0 || refused.length > 0) break;
      this.#take({ steps, refused: [] });
      if (!(await options.consent())) break;
    }
    return done;
  }

  get isPlanned(): boolean {
    return !this.bindable && this.steps.length > 0 && this.refused.length === 0;
  }

  get isHarmless(): boolean {
    return isHarmless(this.steps);
  }

  get steps(): readonly PlannedStep[] {
    return this.#current.steps;
  }

  get refused(): readonly FreeRefusal[] {
    return this.bindable ? [] : this.#current.refused;
  }

  /** Of all rounds. */
  get planned(): readonly FreeStep[] {
    return this.#all;
  }

  get endpoint(): FreeEndpoint {
    return this.#facts.verdict.why.endpoint;
  }

  get spared(): FreePlan["spared"] {
    return this.#facts.verdict.why.spared;
  }

  get incomplete(): FreePlan["incomplete"] {
    return this.#facts.snapshot.incomplete;
  }

  /** Of a program that is more than one process. */
  get tree(): FreePlan["tree"] {
    return this.#facts.job.length > 1 ? this.#facts.job : [];
  }

  get supervisors(): FreePlan["supervisors"] {
    const asked = new Set(this.#all.map((step) => (step.kind === "signal" ? step.pid : undefined)));
    // Who is asked to end as well starts nobody again.
    return this.#first.supervisors.filter(({ pid }) => pid === undefined || !asked.has(pid));
  }

  /** Looks, and looks again where the last holder has gone between two looks: then there is nothing to do, nor anybody to blame. */
  async #see(signal: AbortSignal | undefined): Promise<PlannedFree> {
    for (let look = 1; ; look++) {
      this.#facts = await this.#gather(signal);
      const planned = this.#plan(this.#facts);
      if (this.bindable || look === MOST_LOOKS) return planned;
      const { host, attemptOf } = this.#task;
      const isGone = (): boolean => isFree({ host, attempt: attemptOf(this.#facts.snapshot.question) });
      if (planned.refused.length > 0 ? !isGone() : planned.steps.length > 0) return planned;
      await sleep(LOOK_AGAIN_MS, signal);
    }
  }

  async #gather(signal: AbortSignal | undefined): Promise<FreeFacts> {
    const { host, actions, request } = this.#task;
    return gatherFreeFacts(host.again(), actions, request, signal);
  }

  #plan(facts: FreeFacts): PlannedFree {
    this.bindable = facts.verdict.why.bindable;
    return planFree(facts, { ...this.#task.wish, command: (more, asRoot) => this.#command(more, asRoot) });
  }

  #take(planned: PlannedFree): void {
    this.#current = planned;
    // Nothing is begun while a part of it is refused.
    this.#all.push(...planned.steps.map(({ step }) => step));
  }

  #remember(): void {
    for (const one of this.steps) {
      if (one.kind === "signal") this.#asked.set(one.process.pid, one.process);
      if (one.kind === "drop" || one.kind === "destroy")
        for (const { cookie } of one.sockets) if (cookie !== undefined) this.#ended.add(cookie);
    }
  }

  /** Asked once is asked enough; and whose connection was ended is not ended for it. */
  #isNew(one: PlannedStep): boolean {
    if (one.kind === "signal") {
      const before = this.#asked.get(one.process.pid);
      if (before?.startTicks === one.process.startTicks) return false;
      return !one.sockets.some(({ cookie }) => cookie !== undefined && this.#ended.has(cookie));
    }
    if (one.kind === "drop" || one.kind === "destroy")
      // Without sockets it is for what the next to end leave behind.
      return (
        one.sockets.length === 0 || !one.sockets.every(({ cookie }) => cookie !== undefined && this.#ended.has(cookie))
      );
    return true;
  }

  #whyStuck(one: PlannedStep): FreeRefusal | undefined {
    if (one.kind === "drop" || one.kind === "destroy") {
      const [socket] = one.sockets;
      const text = `${one.step.text}; that was tried, and ${one.sockets.length === 1 ? "it is" : "they are"} still there`;
      return { count: one.sockets.length, ...(socket === undefined ? {} : { socket }), text };
    }
    if (one.kind !== "signal" || one.step.signal !== "SIGTERM") return undefined;
    const { process, step } = one;
    const base = { count: 1, pid: process.pid, ...(step.socket === undefined ? {} : { socket: step.socket }) };
    if (this.#asked.get(process.pid)?.startTicks !== process.startTicks)
      return {
        ...base,
        text: `${nameOf(process)} has not closed the connection that was ended, and the port stays with its descriptor`,
      };
    if (this.#task.wish.force) return undefined;
    // It may be that SIGKILL reaches it there (TASK_KILLABLE); it cannot be seen from outside.
    if (process.state === "D")
      return { ...base, text: `${nameOf(process)} was asked to end and sleeps in the kernel (state D)` };
    const text = `${nameOf(process)} was asked to end and has not; with --force it is killed`;
    return { ...base, lacks: "option", text, command: this.#command(["--force"], false) };
  }

  #comesBack(attempt: BindAttempt): Promise<boolean> {
    const { host, signal } = this.#task;
    return watchForRestart({
      host,
      question: this.#facts.snapshot.question,
      family: this.#first.family,
      supervisors: this.supervisors,
      ended: [...this.#asked.values()],
      isFree: () => isFree({ host, attempt }),
      signal,
    });
  }

  #command(more: readonly string[], asRoot: boolean): string {
    return freeCommand(this.#facts.snapshot, this.#task.wish, { more, asRoot });
  }
}

/** Only what cannot be heard keeps a program from handing its listener on. */
function whyEndless(one: PlannedStep): FreeRefusal | undefined {
  if (one.kind !== "signal" || one.step.signal !== "SIGTERM") return undefined;
  const { process, step } = one;
  return {
    count: 1,
    pid: process.pid,
    ...(step.socket === undefined ? {} : { socket: step.socket }),
    text: `${nameOf(process)} holds it now: whoever is asked to end hands it to a new process first, again and again`,
    command: `kill -KILL ${process.pid}`,
  };
}

function waitingFor(what: ProcessNode | Socket): string {
  return "startTicks" in what ? `${nameOf(what)} to end` : `${formatEndpoint(what.local)} in ${what.state} to end`;
}
