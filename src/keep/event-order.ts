/**
 * Events in the order in which somebody reads them: that a program was started is told before what it does. The keeper may hear of its first
 * bind(2) before it hears that its execve(2) has worked.
 */
import type { KeeperEvent } from "./keeper-events.ts";

export class EventOrder {
  readonly #emit: (event: KeeperEvent) => void;
  #held: KeeperEvent[] | undefined;

  constructor(emit: (event: KeeperEvent) => void) {
    this.#emit = emit;
  }

  /** What sockets tell. */
  readonly tell = (event: KeeperEvent): void => {
    if (this.#held === undefined) this.#emit(event);
    else this.#held.push(event);
  };

  /** From now on events wait, until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#emit(event);
  }
}
