/** A program that listens, but on nothing that was named: mostly the name is a mistake, and whoever relies on it learns so at the crash. */
import type { SocketPlace } from "../host/keeping.ts";
import type { KeepEvent } from "./keep-events.ts";
import { isSamePlace } from "./socket-place.ts";
import type { WantedPorts } from "./wanted-ports.ts";

/** A debugger's port may be listened on before the one that was named. */
const LOOKS_BEFORE_TOLD = 2;
const MOST_TOLD = 8;

export class ListensElsewhere {
  readonly #wanted: WantedPorts;
  readonly #places: SocketPlace[] = [];
  #looks = 0;
  #isTold = false;

  constructor(wanted: WantedPorts) {
    this.#wanted = wanted;
  }

  /** It is about to listen there. */
  heard(place: SocketPlace): void {
    if (this.#isTold || this.#wanted.named === undefined || this.#wanted.wants(place)) return;
    if (this.#places.length < MOST_TOLD && !this.#places.some((other) => isSamePlace(other, place)))
      this.#places.push(place);
  }

  /** From time to time; once only it answers what there is to tell. */
  look(isAnyKept: boolean): KeepEvent | undefined {
    const { named } = this.#wanted;
    if (isAnyKept) this.#isTold = true;
    if (this.#isTold || named === undefined || this.#places.length === 0) return undefined;
    if (++this.#looks < LOOKS_BEFORE_TOLD) return undefined;
    this.#isTold = true;
    return { kind: "elsewhere", places: this.#places, named };
  }
}
