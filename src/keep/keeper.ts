/**
 * Keeps one program on its port: starts it, holds what it listens on, starts it again when it dies. The next start is prepared while the
 * program runs, so that it costs one execve(2). Decisions are made elsewhere: restart-policy.ts when, kept-sockets.ts what is kept.
 */
import type {
  CallHandler,
  CannotKeep,
  HostKeeping,
  PreparedProgram,
  ProgramEnd,
  ProgramOptions,
  StartedProgram,
} from "../host/keeping.ts";
import { KeptSockets } from "./kept-sockets.ts";
import type { KeepEvent, KeptSocketsOptions, LifeNumber } from "./kept-sockets.ts";
import { NO_RESTARTS, isFailure, judgeEnd } from "./restart-policy.ts";
import type { RestartHistory, RestartPolicy } from "./restart-policy.ts";

export interface KeeperOptions {
  readonly host: HostKeeping;
  readonly program: Omit<ProgramOptions, "calls">;
  readonly sockets: Omit<KeptSocketsOptions, "emit" | "host">;
  readonly restarts: RestartPolicy;
  readonly whileDown: "queue" | "refuse";
  /** For so long connections wait for a program that is down. */
  readonly holdMs: number;
  /** Between SIGTERM and SIGKILL for what is left of a life whose program has ended. */
  readonly graceMs: number;
  readonly emit: (event: KeeperEvent) => void;
}

export type KeeperEvent =
  | KeepEvent
  | { readonly kind: "started"; readonly pid: number; readonly life: LifeNumber; readonly noNewPrivs: boolean }
  | { readonly kind: "ended"; readonly pid: number; readonly life: LifeNumber; readonly end: ProgramEnd }
  /** It went into the background; this child of it is the program now. */
  | { readonly kind: "daemonized"; readonly pid: number; readonly life: LifeNumber }
  /** A launcher stands ready for the next life. */
  | { readonly kind: "ready"; readonly pid: number; readonly life: LifeNumber }
  | { readonly kind: "restarting"; readonly delayMs: number }
  | { readonly kind: "refusing"; readonly because: "refuse" | "hold" };

export type KeeperEnd =
  | { readonly because: "ended" | "never" | "too-many-restarts" | "stopped"; readonly end: ProgramEnd }
  | { readonly because: "cannot-start"; readonly errno: string; readonly path: string }
  | { readonly because: "cannot-keep"; readonly step: string; readonly errno: string };

/** How often it is looked whether what is kept still has a holder. */
const LOOK_MS = 500;
const MOST_TRIES = 3;
/** So long a child has to listen after its parent went. */
const DAEMON_MS = 1000;
const DAEMON_LOOK_MS = 50;

interface Life {
  readonly number: LifeNumber;
  readonly program: StartedProgram;
  readonly startedAtMs: number;
}

export class ProgramKeeper {
  readonly #options: KeeperOptions;
  readonly sockets: KeptSockets;
  #standby: { readonly life: LifeNumber; readonly prepared: Promise<PreparedProgram | CannotKeep> } | undefined;
  #current: Life | undefined;
  #lifeNumber = 0;
  #history: RestartHistory = NO_RESTARTS;
  #stopping = false;
  /** Lives of which a process is left. */
  readonly #unfinished = new Set<LifeNumber>();
  #onGone: (() => void) | undefined;
  /** Since when the remains of earlier lives are asked to end. */
  #clearingSinceMs: number | undefined;
  #holdTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #cutDelay: (() => void) | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { host, emit } = options;
    this.sockets = new KeptSockets({
      ...options.sockets,
      host,
      emit,
    });
  }

  /** Settles when the program has ended for good. */
  async run(): Promise<KeeperEnd> {
    this.#lookTimer = setInterval(() => this.#look(), LOOK_MS);
    try {
      for (;;) {
        let life = await this.#begin();
        if ("because" in life) return life;
        let end = await life.program.ended;
        for (let daemon = await this.#daemonOf(life, end); daemon !== undefined;) {
          this.#current = life = { ...life, program: daemon };
          this.#options.emit({ kind: "daemonized", pid: daemon.pid, life: life.number });
          end = await daemon.ended;
          daemon = await this.#daemonOf(life, end);
        }
        const next = this.#afterEnd(life, end);
        if ("because" in next) return next;
        await this.#delay(next.delayMs);
        if (this.#stopping) return { because: "stopped", end };
      }
    } finally {
      await this.#clear();
    }
  }

  /** The program is not started again; what was kept is let go, so that it is refused what it does not accept any more. */
  stop(): void {
    this.#stopping = true;
    this.sockets.releaseAll("ended");
    this.#cutDelay?.();
  }

  signal(name: NodeJS.Signals): boolean {
    return this.#current?.program.signal(name) ?? false;
  }

  get pid(): number | undefined {
    return this.#current?.program.pid;
  }

  async #begin(): Promise<Life | KeeperEnd> {
    const { emit } = this.#options;
    for (let tries = 1; ; tries++) {
      const { life, prepared } = (this.#standby ??= this.#prepare());
      this.#standby = undefined;
      const ready = await prepared;
      if ("errno" in ready) return { because: "cannot-keep", step: ready.step, errno: ready.errno };
      const startedAtMs = performance.now();
      const program = await ready.start();
      if ("errno" in program) {
        // Whoever waited may have been killed since; the next one has not waited yet.
        if (program.errno === "EPIPE" && tries < MOST_TRIES) continue;
        return { because: "cannot-start", errno: program.errno, path: program.path };
      }
      this.#current = { number: life, program, startedAtMs };
      this.#unfinished.add(life);
      emit({ kind: "started", pid: program.pid, life, noNewPrivs: ready.noNewPrivs });
      if (!this.#stopping) this.#standby = this.#prepare();
      return this.#current;
    }
  }

  #prepare(): { life: LifeNumber; prepared: Promise<PreparedProgram | CannotKeep> } {
    const life = ++this.#lifeNumber;
    const { host, program, emit } = this.#options;
    const prepared = host.prepare({ ...program, calls: this.#callsOf(life) });
    void prepared.then((ready) => "pid" in ready && emit({ kind: "ready", pid: ready.pid, life }));
    return { life, prepared };
  }

  #callsOf(life: LifeNumber): CallHandler {
    return {
      onBind: (call) => (this.#stopping ? call.letThrough() : this.sockets.onBind(life, call)),
      onListen: (call) => (this.#stopping ? call.letThrough() : this.sockets.onListen(life, call)),
      onLastGone: () => {
        this.#unfinished.delete(life);
        this.#onGone?.();
      },
    };
  }

  /** A program that ends well while a child of it has what it listens on has gone into the background: the child is the program now. */
  async #daemonOf({ number }: Life, end: ProgramEnd): Promise<StartedProgram | undefined> {
    if (this.#stopping || isFailure(end)) return undefined;
    const until = performance.now() + DAEMON_MS;
    while (this.#unfinished.has(number) && performance.now() < until) {
      for (const entry of this.sockets.entries) {
        if (entry.holder.life !== number || !this.sockets.isHeld(entry)) continue;
        const program = this.#options.host.follow(entry.holder.pid);
        if (program !== undefined) return program;
      }
      await this.#delay(DAEMON_LOOK_MS);
    }
    return undefined;
  }

  #afterEnd(life: Life, end: ProgramEnd): KeeperEnd | { readonly delayMs: number } {
    const { restarts, emit } = this.#options;
    this.#current = undefined;
    emit({ kind: "ended", pid: life.program.pid, life: life.number, end });
    if (this.#stopping) return { because: "stopped", end };
    const times = { startedAtMs: life.startedAtMs, endedAtMs: performance.now() };
    const next = judgeEnd(restarts, this.#history, end, times);
    if (next.kind === "give-up") return { because: next.because, end };
    this.#history = next.history;
    this.#whileDown();
    emit({ kind: "restarting", delayMs: next.delayMs });
    return next;
  }

  #look(): void {
    const life = this.#current;
    this.sockets.look(life?.number);
    // Until the new life listens, what is left of the old one may be all that serves.
    const serves = life !== undefined && this.sockets.entries.every(({ holder }) => holder.life === life.number);
    if (serves && [...this.#unfinished].some((number) => number !== life.number)) this.#clearRemains(life.program);
    else this.#clearingSinceMs = undefined;
  }

  /** Children that outlive their program (workers of nginx do) would be more with every life. SIGTERM first, SIGKILL after the grace. */
  #clearRemains(current: StartedProgram | undefined): void {
    const now = performance.now();
    const since = this.#clearingSinceMs;
    if (since === undefined) {
      this.#clearingSinceMs = now;
      this.#options.host.signalRemains("SIGTERM", current);
    } else if (now - since >= this.#options.graceMs) this.#options.host.signalRemains("SIGKILL", current);
  }

  #whileDown(): void {
    const { whileDown, holdMs } = this.#options;
    if (whileDown === "refuse") return this.#refuse("refuse");
    // It is not cleared when the program starts but spares what is in use: a program that takes long to listen is down for as long.
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.#refuse("hold"), holdMs);
  }

  #refuse(because: "refuse" | "hold"): void {
    if (this.sockets.stopListening()) this.#options.emit({ kind: "refusing", because });
  }

  #delay(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#cutDelay = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #clear(): Promise<void> {
    clearInterval(this.#lookTimer);
    clearTimeout(this.#holdTimer);
    this.sockets.releaseAll("ended");
    await this.#endRemains();
    const standby = await this.#standby?.prepared;
    if (standby === undefined || !("pid" in standby)) return;
    standby.discard();
    await standby.ended;
  }

  async #endRemains(): Promise<void> {
    const { host, graceMs } = this.#options;
    if (this.#unfinished.size === 0) return;
    host.signalRemains("SIGTERM", undefined);
    const gone = await new Promise<boolean>((resolve) => {
      const look = (): void => {
        if (this.#unfinished.size > 0) return;
        clearTimeout(late);
        resolve(true);
      };
      const late = setTimeout(() => resolve(false), graceMs);
      this.#onGone = look;
      look();
    });
    if (!gone) host.signalRemains("SIGKILL", undefined);
  }
}
