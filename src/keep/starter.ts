/** Starts lives of the program. A launcher for the next one stands ready while this one runs: a start is then one execve(2). */
import type {
  CallHandler,
  CannotKeep,
  HostKeeping,
  PreparedProgram,
  ProgramOptions,
  StartedProgram,
} from "../host/keeping.ts";
import type { LifeNumber } from "./keep-events.ts";
import type { KeeperEnd, KeeperEvent } from "./keeper-events.ts";
import type { ModeSockets } from "./mode-sockets.ts";

export interface StarterOptions {
  readonly host: Pick<HostKeeping, "prepare">;
  readonly program: Omit<ProgramOptions, "calls" | "passed">;
  readonly sockets: ModeSockets;
  readonly emit: (event: KeeperEvent) => void;
  /** Aborted: nothing is started any more, and calls go to the kernel as they are. */
  readonly stop: AbortSignal;
  readonly onLastGone: (life: LifeNumber) => void;
}

interface Standby {
  readonly life: LifeNumber;
  readonly prepared: Promise<PreparedProgram | CannotKeep>;
}

export interface Start {
  readonly life: LifeNumber;
  readonly program: StartedProgram;
  readonly noNewPrivs: boolean;
}

const MOST_TRIES = 3;

export class Starter {
  readonly #options: StarterOptions;
  #standby: Standby | undefined;
  #lifeNumber = 0;

  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /** A launcher for the next life. Answers why there is none. */
  async prepare(): Promise<CannotKeep | undefined> {
    const ready = await (this.#standby ??= this.#launch()).prepared;
    if (!("errno" in ready)) return undefined;
    this.#standby = undefined;
    return ready;
  }

  /** `isBeside`: another life runs, and goes on. */
  async start(isBeside: boolean): Promise<Start | KeeperEnd> {
    const { sockets, stop } = this.#options;
    for (let tries = 1; ; tries++) {
      const { life, prepared } = (this.#standby ??= this.#launch());
      this.#standby = undefined;
      const ready = await prepared;
      if ("errno" in ready) return { because: "cannot-keep", step: ready.step, errno: ready.errno };
      try {
        if (!isBeside) await sockets.beforeStart(stop);
        if (stop.aborted) {
          await end(ready);
          return { because: "stopped" };
        }
      } catch (error) {
        await end(ready);
        if (stop.aborted) return { because: "stopped" };
        throw error;
      }
      const program = await ready.start();
      if (!("errno" in program)) return { life, program, noNewPrivs: ready.noNewPrivs };
      // Whoever waited may have been killed since; the next one has not waited yet.
      if (program.errno !== "EPIPE" || tries === MOST_TRIES)
        return { because: "cannot-start", errno: program.errno, path: program.path };
    }
  }

  /** Whoever stands ready is not needed. */
  async discard(): Promise<void> {
    const ready = await this.#standby?.prepared;
    if (ready === undefined || !("pid" in ready)) return;
    await end(ready);
  }

  #launch(): Standby {
    const life = ++this.#lifeNumber;
    const { host, program, emit, sockets } = this.#options;
    const calls = this.#callsOf(life);
    const prepared = host.prepare({ ...program, passed: sockets.passed, ...(calls === undefined ? {} : { calls }) });
    void prepared.then((ready) => "pid" in ready && emit({ kind: "ready", pid: ready.pid, life }));
    return { life, prepared };
  }

  #callsOf(life: LifeNumber): CallHandler | undefined {
    const { sockets, stop, onLastGone } = this.#options;
    const calls = sockets.calls(life);
    if (calls === undefined) return undefined;
    return {
      onBind: (call) => (stop.aborted ? call.letThrough() : calls.onBind(call)),
      onListen: (call) => (stop.aborted ? call.letThrough() : calls.onListen(call)),
      onLastGone: () => onLastGone(life),
    };
  }
}

async function end(waiting: PreparedProgram): Promise<void> {
  waiting.discard();
  await waiting.ended;
}
