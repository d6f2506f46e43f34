/** Children that outlive their program (workers of nginx do): they would be more with every life. SIGTERM first, SIGKILL after the grace. */
import type { HostKeeping } from "../host/keeping.ts";
import type { LifeNumber } from "./keep-events.ts";
import type { Life } from "./life.ts";

const LOOK_MS = 50;

export class Remains {
  readonly #host: Pick<HostKeeping, "signalRemains">;
  readonly #graceMs: number;
  readonly #areHeard: boolean;
  /** Lives of which a process is left. */
  readonly #unfinished = new Set<LifeNumber>();
  /** Over before `add`: the program was quicker than the news of its start. */
  readonly #goneEarly = new Set<LifeNumber>();
  #onGone: (() => void) | undefined;
  #clearingSinceMs: number | undefined;

  /** `areHeard`: the end of a life is told; else it has to be looked for. */
  constructor(host: Pick<HostKeeping, "signalRemains">, graceMs: number, areHeard: boolean) {
    this.#areHeard = areHeard;
    this.#host = host;
    this.#graceMs = graceMs;
  }

  add(life: LifeNumber): void {
    if (!this.#goneEarly.delete(life)) this.#unfinished.add(life);
  }

  onLastGone(life: LifeNumber): void {
    if (!this.#unfinished.delete(life)) this.#goneEarly.add(life);
    this.#onGone?.();
  }

  isLeftOf(life: LifeNumber): boolean {
    return this.#unfinished.has(life);
  }

  /** To be called from time to time while this life is the only one that serves. */
  clearBeside(life: Life): void {
    if (!this.#hasOthers(life)) return this.spare();
    const now = performance.now();
    if (this.#clearingSinceMs === undefined) {
      this.#clearingSinceMs = now;
      this.#host.signalRemains("SIGTERM", life.program);
    } else if (now - this.#clearingSinceMs >= this.#graceMs) this.#host.signalRemains("SIGKILL", life.program);
    return undefined;
  }

  #hasOthers(life: Life): boolean {
    if (!this.#areHeard) return this.#host.signalRemains(undefined, life.program) > 0;
    return [...this.#unfinished].some((number) => number !== life.number);
  }

  /** They may be all that serves. */
  spare(): void {
    this.#clearingSinceMs = undefined;
  }

  /** All of them. */
  async end(): Promise<void> {
    if (!this.#areHeard) return this.#endUnheard();
    if (this.#unfinished.size === 0) return undefined;
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
    return undefined;
  }

  async #endUnheard(): Promise<void> {
    const until = performance.now() + this.#graceMs;
    let left = this.#host.signalRemains("SIGTERM", undefined);
    while (left > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      left = this.#host.signalRemains(undefined, undefined);
    }
    if (left > 0) this.#host.signalRemains("SIGKILL", undefined);
  }
}
