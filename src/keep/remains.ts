/** Children that outlive their program (workers of nginx do): they would be more with every life. SIGTERM first, SIGKILL after the grace. */
import type { HostKeeping } from "../host/keeping.ts";
import type { LifeNumber } from "./kept-sockets.ts";
import type { Life } from "./life.ts";

export class Remains {
  readonly #host: Pick<HostKeeping, "signalRemains">;
  readonly #graceMs: number;
  /** Lives of which a process is left. */
  readonly #unfinished = new Set<LifeNumber>();
  #onGone: (() => void) | undefined;
  #clearingSinceMs: number | undefined;

  constructor(host: Pick<HostKeeping, "signalRemains">, graceMs: number) {
    this.#host = host;
    this.#graceMs = graceMs;
  }

  add(life: LifeNumber): void {
    this.#unfinished.add(life);
  }

  onLastGone(life: LifeNumber): void {
    this.#unfinished.delete(life);
    this.#onGone?.();
  }

  isLeftOf(life: LifeNumber): boolean {
    return this.#unfinished.has(life);
  }

  /** To be called from time to time while this life is the only one that serves. */
  clearBeside(life: Life): void {
    if (![...this.#unfinished].some((number) => number !== life.number)) return this.spare();
    const now = performance.now();
    if (this.#clearingSinceMs === undefined) {
      this.#clearingSinceMs = now;
      this.#host.signalRemains("SIGTERM", life.program);
    } else if (now - this.#clearingSinceMs >= this.#graceMs) this.#host.signalRemains("SIGKILL", life.program);
    return undefined;
  }

  /** They may be all that serves. */
  spare(): void {
    this.#clearingSinceMs = undefined;
  }

  /** All of them. */
  async end(): Promise<void> {
    if (this.#unfinished.size === 0) return;
    this.#host.signalRemains("SIGTERM", undefined);
    const gone = await new Promise<boolean>((resolve) => {
      const look = (): void => {
        if (this.#unfinished.size > 0) return;
        clearTimeout(late);
        resolve(true);
      };
      const late = setTimeout(() => resolve(false), this.#graceMs);
      this.#onGone = look;
      look();
    });
    if (!gone) this.#host.signalRemains("SIGKILL", undefined);
  }
}
