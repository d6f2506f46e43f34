/** `keep` as a function: what `portmortem run` is built on. */
import { EventEmitter } from "node:events";
import { refuseRecording } from "../act/acting-host.ts";
import type { HostKeeping, SocketPlace } from "../host/keeping.ts";
import { openKeeping } from "../host/linux/open-keeping.ts";
import { clearTheWay } from "./clear-the-way.ts";
import { errorOfEnd } from "./end-error.ts";
import { ModeChoice } from "./choose-mode.ts";
import { settleKeepOptions } from "./keep-options.ts";
import type { KeepMode, KeepOptions, SettledKeepOptions } from "./keep-options.ts";
import type { ProgramKeeper } from "./keeper.ts";
import type { KeepNews, KeeperEvents } from "./keep-news.ts";
import type { KeeperEnd, Reload } from "./keeper-events.ts";

/**
 * Keeps a program on its port: it is started again when it dies, and its listening sockets live on meanwhile, so that nobody is refused.
 * Linux only. This process becomes the parent of what its programs leave behind (PR_SET_CHILD_SUBREAPER).
 *
 * @example
 * ```ts
 * await using keeper = keep({ command: "node", args: ["server.js"], ports: [8080] });
 * keeper.on("ended", ({ end }) => console.error("it died", end));
 * await keeper.start();
 * ```
 */
export class Keeper extends EventEmitter<KeeperEvents> {
  readonly #options: SettledKeepOptions;
  readonly #stop = new AbortController();
  #mode: KeepMode | undefined;
  #keeper: ProgramKeeper | undefined;
  #running: Promise<KeeperEnd> | undefined;
  #started: Promise<void> | undefined;

  /** @internal Use keep(). */
  constructor(options: KeepOptions) {
    super();
    this.#options = settleKeepOptions(options);
    refuseRecording(options.host);
    const { signal } = options;
    if (signal?.aborted === true) this.#stop.abort(signal.reason);
    // What goes wrong meanwhile is told to whoever waits for start() or ended().
    signal?.addEventListener("abort", () => void this.stop().catch(() => undefined), { once: true });
  }

  /** How it is kept; undefined before it is known. */
  get mode(): KeepMode | undefined {
    return this.#mode;
  }

  /** The program's; undefined: none runs. */
  get pid(): number | undefined {
    return this.#keeper?.pid;
  }

  /** Connections that wait to be accepted; undefined: nothing that is kept listens. */
  get waitingCount(): number | undefined {
    return this.#keeper?.sockets.waitingCount();
  }

  /** Where it is kept; in mode plain nowhere. */
  get places(): readonly SocketPlace[] {
    return this.#keeper?.sockets.places() ?? [];
  }

  /** Between SIGTERM and SIGKILL. */
  get graceMs(): number {
    return this.#options.graceMs;
  }

  /**
   * Makes the ports bindable, chooses the mode, starts the program. Settles when it runs. Throws PM_PORT_TAKEN, PM_CANNOT_KEEP, PM_CANNOT_RUN,
   * an AbortError if it is stopped before, and what why() and free() throw.
   */
  start(): Promise<void> {
    return (this.#started ??= this.#start());
  }

  /** Settles when the program has ended for good. To be asked after start(). */
  async ended(): Promise<KeeperEnd> {
    await this.start();
    return this.#running ?? { because: "stopped" };
  }

  /** The program is told to end (SIGTERM, and SIGKILL after its grace), and is not started again. Harmless at any time. */
  async stop(signal: NodeJS.Signals = "SIGTERM", graceMs = this.#options.graceMs): Promise<KeeperEnd> {
    if (!this.#stop.signal.aborted) this.#tell({ kind: "stopping" });
    this.#stop.abort();
    this.#keeper?.stop(signal, graceMs);
    // A start that is on its way leaves a launcher behind until it has heard of it.
    await this.#started?.catch(() => undefined);
    return (await this.#running) ?? { because: "stopped" };
  }

  /** A new program takes the place of this one: it accepts on the same sockets before the old one is told to end. */
  async reload(): Promise<Reload> {
    return this.#keeper?.reload() ?? { result: "failed", why: "it was not started" };
  }

  /** Passes a signal on to the program. False: none runs. */
  signal(name: NodeJS.Signals): boolean {
    return this.#keeper?.signal(name) ?? false;
  }

  /** Somebody else has told the program to end, a terminal for instance: if it does within its grace, it is not started again. */
  expectEnd(): void {
    if (this.#keeper === undefined) this.#stop.abort();
    else this.#keeper.expectEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const { ports, take, graceMs, host } = this.#options;
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const tell = (news: KeepNews): void => this.#tell(news);
    await clearTheWay(ports, { host, reuseAddr: true, take, graceMs, signal, tell });
    const keeping = openKeeping();
    try {
      const choice = new ModeChoice(this.#options, keeping, tell);
      const { mode, keeper, instead } = await choice.make();
      this.#mode = mode;
      this.#keeper = keeper;
      this.#tell({ kind: "mode", mode, instead });
      // A keeper that is stopped already starts nothing, and ends the launcher that stands ready.
      if (signal.aborted) keeper.stop();
      await this.#run(keeper, keeping);
    } catch (error) {
      keeping.close();
      throw error;
    }
  }

  /** Settles when the first program runs. */
  async #run(keeper: ProgramKeeper, keeping: HostKeeping): Promise<void> {
    const first = new Promise<void>((resolve) => this.once("started", () => resolve()));
    const running = keeper.run().finally(() => keeping.close());
    this.#running = running;
    const end = await Promise.race([first, running]);
    if (end === undefined) {
      // Whoever wants to know how it ended asks ended(); nobody has to.
      running.catch(() => undefined);
      return;
    }
    const error = errorOfEnd(end, this.#options.program.command);
    if (error !== undefined) throw error;
    if (end.because === "stopped" && end.end === undefined) this.#stop.signal.throwIfAborted();
  }

  #tell(news: KeepNews): void {
    // An event of one kind goes to the listeners of that kind: the compiler cannot see that across the union.
    (this.emit as (kind: string, news: KeepNews) => boolean).call(this, news.kind, news);
    this.emit("event", news);
  }
}

/** A keeper of one program; nothing is done before start(). Throws PM_USAGE, PM_BAD_PORT, PM_BAD_ADDRESS, PM_REPLAY_READ_ONLY. */
export function keep(options: KeepOptions): Keeper {
  return new Keeper(options);
}
