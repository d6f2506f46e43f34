/** One life of the program, from the gate to its end. */
import type { ProgramEnd, StartedProgram } from "../host/keeping.ts";
import type { LifeNumber } from "./keep-events.ts";

/** Runs until the program has ended, or what it left in the background. */
export class Life {
  readonly number: LifeNumber;
  readonly startedAtMs = performance.now();
  readonly over: Promise<ProgramEnd>;
  #program: StartedProgram;
  #isOver = false;
  #killTimer: NodeJS.Timeout | undefined;
  #killAtMs = Infinity;

  /** `daemonOf`: the process that is the program from now on, after this one ended. */
  constructor(
    number: LifeNumber,
    program: StartedProgram,
    daemonOf: (life: Life, end: ProgramEnd) => Promise<StartedProgram | undefined>,
  ) {
    this.number = number;
    this.#program = program;
    this.over = this.#follow(daemonOf);
  }

  get program(): StartedProgram {
    return this.#program;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** SIGTERM or the like, and SIGKILL for one that has not ended by then; `onKill` is told. Asked again, the shorter time counts. */
  end(signal: NodeJS.Signals, graceMs: number, onKill: () => void): void {
    if (this.#isOver) return;
    this.#program.signal(signal);
    const killAtMs = performance.now() + graceMs;
    // Whoever asks twice does not give it more time.
    if (killAtMs >= this.#killAtMs) return;
    this.#killAtMs = killAtMs;
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => {
      onKill();
      this.#program.signal("SIGKILL");
    }, graceMs);
  }

  async #follow(daemonOf: (life: Life, end: ProgramEnd) => Promise<StartedProgram | undefined>): Promise<ProgramEnd> {
    for (;;) {
      const end = await this.#program.ended;
      const daemon = await daemonOf(this, end);
      if (daemon === undefined) {
        this.#isOver = true;
        clearTimeout(this.#killTimer);
        return end;
      }
      this.#program = daemon;
    }
  }
}
