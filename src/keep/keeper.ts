/**
 * Keeps one program on its port: starts it, holds what it listens on, starts it again when it dies, hands over to a new one when asked. The
 * next start is prepared while the program runs, so that it costs one execve(2). Decisions are made elsewhere: restart-policy.ts when,
 * mode-sockets.ts what is kept, remains.ts what becomes of children that are left.
 */
import type { CannotKeep, HostKeeping, ProgramEnd, ProgramOptions, StartedProgram } from "../host/keeping.ts";
import { Downtime } from "./downtime.ts";
import type { EventOrder } from "./event-order.ts";
import { isReady } from "./hand-over.ts";
import type { KeeperEnd, KeeperEvent, Reload } from "./keeper-events.ts";
import { Life } from "./life.ts";
import { hearLateSignals } from "./late-signals.ts";
import type { ModeSockets } from "./mode-sockets.ts";
import { Remains } from "./remains.ts";
import { Rest } from "./rest.ts";
import { Starter } from "./starter.ts";
import { NO_RESTARTS, isFailure, judgeEnd } from "./restart-policy.ts";
import type { RestartHistory, RestartPolicy } from "./restart-policy.ts";

export interface KeeperOptions {
  readonly host: HostKeeping;
  readonly program: Omit<ProgramOptions, "calls" | "passed">;
  readonly sockets: ModeSockets;
  readonly restarts: RestartPolicy;
  readonly whileDown: "queue" | "refuse";
  /** For so long connections wait for a program that is down. */
  readonly holdMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly emit: (event: KeeperEvent) => void;
  /** Where `sockets` tells its news. */
  readonly order: EventOrder;
}
/** How often it is looked whether what is kept still has a holder. */
const LOOK_MS = 500;
/** So long a child has to listen after its parent went. */
const DAEMON_MS = 1000;
const DAEMON_LOOK_MS = 50;

export class ProgramKeeper {
  readonly #options: KeeperOptions;
  readonly #remains: Remains;
  readonly #starter: Starter;
  readonly #downtime: Downtime;
  readonly #rest = new Rest();
  readonly #stop = new AbortController();
  /** More than one during a hand-over. */
  readonly #living = new Set<Life>();
  #current: Life | undefined;
  #history: RestartHistory = NO_RESTARTS;
  #endExpectedUntilMs = 0;
  #lookTimer: NodeJS.Timeout | undefined;
  #reload: { readonly promise: Promise<Reload>; readonly settle: (result: Reload) => void } | undefined;
  #wakeForReload: (() => void) | undefined;
  #isRestartAsked = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#remains = new Remains(options.host, options.graceMs, options.sockets.mode === "adopt");
    this.#starter = new Starter({
      ...options,
      stop: this.#stop.signal,
      onLastGone: (life) => this.#remains.onLastGone(life),
    });
    this.#downtime = new Downtime(options);
  }

  get sockets(): ModeSockets {
    return this.#options.sockets;
  }

  /** The program's; undefined: it is down. */
  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /** Can a program be started like this? Answers why not. */
  prepare(): Promise<CannotKeep | undefined> {
    return this.#starter.prepare();
  }

  /** Settles when the program has ended for good. */
  async run(): Promise<KeeperEnd> {
    this.#lookTimer = setInterval(() => this.#look(), LOOK_MS);
    try {
      let life = await this.#begin();
      for (;;) {
        if ("because" in life) return life;
        const end = await Promise.race([life.over, this.#reloadAsked()]);
        if (end === undefined) {
          life = await this.#turnOver(life);
          continue;
        }
        await hearLateSignals(end, (ms) => this.#rest.for(ms));
        const next = this.#afterEnd(life, end);
        if ("because" in next) return next;
        await this.#rest.for(this.#reload === undefined ? next.delayMs : 0);
        if (this.#isStopping) return { because: "stopped", end };
        life = await this.#begin();
      }
    } finally {
      await this.#clear();
    }
  }

  /**
   * The program is told to end, killed after its grace, and not started again; what was kept is let go, so that it is refused what it does
   * not accept any more. Again with another grace: the shorter one counts.
   */
  stop(signal: NodeJS.Signals = "SIGTERM", graceMs: number = this.#options.graceMs): void {
    this.#stop.abort();
    this.sockets.releaseAll("ended");
    this.#rest.cut();
    // A launcher that stands ready has what it would pass on: its duplicates would go on listening.
    if (this.sockets.mode === "activate") void this.#starter.discard();
    for (const life of this.#living) this.#tellToEnd(life, signal, graceMs);
  }

  /** Somebody else has told the program to end: if it does within its grace, it is not started again. */
  expectEnd(): void {
    this.#endExpectedUntilMs = performance.now() + this.#options.graceMs;
    // While it is down there is no program that could have heard of it.
    if (this.#current === undefined) this.stop();
  }

  /** False: there is no program. */
  signal(name: NodeJS.Signals): boolean {
    return this.#current?.program.signal(name) ?? false;
  }

  /** A new program takes the place of this one. */
  reload(): Promise<Reload> {
    if (this.#isStopping) return Promise.resolve({ result: "failed", why: "it is being stopped" });
    if (this.#reload === undefined) {
      let settle: (result: Reload) => void = () => undefined;
      const promise = new Promise<Reload>((resolve) => (settle = resolve));
      this.#reload = { promise, settle };
      this.#rest.cut();
      this.#wakeForReload?.();
    }
    return this.#reload.promise;
  }

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #begin(beside?: Life): Promise<Life | KeeperEnd> {
    this.#options.order.hold();
    try {
      return await this.#beginHeld(beside);
    } finally {
      this.#options.order.release();
    }
  }

  async #beginHeld(beside: Life | undefined): Promise<Life | KeeperEnd> {
    const start = await this.#starter.start(beside !== undefined);
    if ("because" in start) return start;
    const { program, noNewPrivs } = start;
    const life = new Life(start.life, program, (one, end) => this.#daemonOf(one, end));
    this.#current = life;
    this.#living.add(life);
    if (this.sockets.mode === "adopt") this.#remains.add(life.number);
    void life.over.then(() => this.#living.delete(life));
    this.#options.emit({ kind: "started", pid: life.pid, life: life.number, noNewPrivs, bits: program.bits });
    if (this.#isStopping) this.#tellToEnd(life, "SIGTERM", this.#options.graceMs);
    else void this.#starter.prepare();
    if (beside === undefined) this.#settleReload({ result: "restarted", pid: life.pid });
    return life;
  }

  /** A program that ends well while a child of it has what it listens on has gone into the background: the child is the program now. */
  async #daemonOf({ number }: Life, end: ProgramEnd): Promise<StartedProgram | undefined> {
    if (this.#isStopping || isFailure(end)) return undefined;
    const until = performance.now() + DAEMON_MS;
    while (this.#remains.isLeftOf(number) && performance.now() < until) {
      const holder = this.sockets.holderOf(number);
      const program = holder === undefined ? undefined : this.#options.host.follow(holder);
      if (program !== undefined) {
        this.#options.emit({ kind: "daemonized", pid: program.pid, life: number });
        return program;
      }
      await this.#rest.for(DAEMON_LOOK_MS);
    }
    return undefined;
  }

  #afterEnd(life: Life, end: ProgramEnd): KeeperEnd | { readonly delayMs: number } {
    const { restarts, emit } = this.#options;
    this.#current = undefined;
    this.#downtime.begin();
    const isEndAsked = this.#isStopping || performance.now() < this.#endExpectedUntilMs;
    const asked = isEndAsked || this.#isRestartAsked;
    emit({ kind: "ended", pid: life.pid, life: life.number, end, asked });
    if (isEndAsked) return { because: "stopped", end };
    if (this.#isRestartAsked) {
      this.#isRestartAsked = false;
      return { delayMs: 0 };
    }
    const times = { startedAtMs: life.startedAtMs, endedAtMs: performance.now() };
    const next = judgeEnd(restarts, this.#history, end, times);
    if (next.kind === "give-up") {
      const { most } = restarts;
      if (next.because === "too-many-restarts" && most !== undefined)
        emit({ kind: "given-up", restarts: most.count, periodMs: most.periodMs });
      return { because: next.because, end };
    }
    this.#history = next.history;
    this.#downtime.hold();
    emit({ kind: "restarting", delayMs: next.delayMs });
    return next;
  }

  #reloadAsked(): Promise<undefined> {
    return new Promise((resolve) => {
      if (this.#reload !== undefined) resolve(undefined);
      this.#wakeForReload = () => resolve(undefined);
    });
  }

  /** Answers the life that goes on. */
  async #turnOver(old: Life): Promise<Life | KeeperEnd> {
    const { emit, sockets, graceMs } = this.#options;
    if (sockets.mode === "plain") {
      this.#isRestartAsked = true;
      this.#tellToEnd(old, "SIGTERM", graceMs);
      await old.over;
      return old;
    }
    emit({ kind: "reloading", pid: old.pid });
    const next = await this.#begin(old);
    const why = "because" in next ? whyNot(next) : await isReady(next, sockets);
    if (why !== undefined) {
      if (!("because" in next)) {
        this.#tellToEnd(next, "SIGTERM", graceMs);
        emit({ kind: "ended", pid: next.pid, life: next.number, end: await next.over, asked: false });
        sockets.giveBack(next.number, old.number);
      }
      this.#current = old;
      this.#settleReload({ result: "failed", why });
      return old;
    }
    if ("because" in next) return next;
    const hasCrashed = !this.#living.has(old);
    this.#tellToEnd(old, "SIGTERM", graceMs);
    void this.#seeOff(old, !hasCrashed);
    this.#settleReload({ result: "handed-over", pid: next.pid, from: old.pid });
    return next;
  }

  async #seeOff(old: Life, asked: boolean): Promise<void> {
    const end = await old.over;
    this.#options.emit({ kind: "ended", pid: old.pid, life: old.number, end, asked });
    // What the new one does not use has nobody now.
    if (!this.#isStopping) this.#downtime.hold();
  }

  #settleReload(result: Reload): void {
    const asked = this.#reload;
    if (asked === undefined) return;
    this.#reload = undefined;
    this.#options.emit({ kind: "reloaded", ...result });
    asked.settle(result);
  }

  #tellToEnd(life: Life, signal: NodeJS.Signals, graceMs: number): void {
    life.end(signal, graceMs, () => this.#options.emit({ kind: "killing", pid: life.pid, life: life.number }));
  }

  #look(): void {
    const { sockets } = this.#options;
    const life = this.#current;
    this.#downtime.look(life?.number, this.#living.size > 1);
    if (life === undefined) return;
    sockets.look(life.number);
    // Until the new life listens, what is left of the old one may be all that serves.
    if (this.#living.size === 1 && sockets.isServedBy(life.number)) this.#remains.clearBeside(life);
    else this.#remains.spare();
  }

  async #clear(): Promise<void> {
    clearInterval(this.#lookTimer);
    this.#downtime.close();
    this.#stop.abort();
    this.#settleReload({ result: "failed", why: "the program has ended for good" });
    this.sockets.releaseAll("ended");
    for (const life of this.#living) this.#tellToEnd(life, "SIGTERM", this.#options.graceMs);
    await Promise.all([...this.#living].map(({ over }) => over));
    await this.#remains.end();
    await this.#starter.discard();
  }
}

function whyNot(end: KeeperEnd): string {
  if (end.because === "cannot-start") return `${end.path} cannot be started: ${end.errno}`;
  return end.because === "cannot-keep" ? `${end.step}: ${end.errno}` : "it is being stopped";
}
