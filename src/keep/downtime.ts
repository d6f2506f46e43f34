/** What clients find while the program is down: a queue for some time, then nobody. */
import type { LifeNumber } from "./keep-events.ts";
import type { KeeperEvent } from "./keeper-events.ts";
import type { ModeSockets } from "./mode-sockets.ts";

export interface DowntimeOptions {
  readonly sockets: ModeSockets;
  readonly whileDown: "queue" | "refuse";
  readonly holdMs: number;
  readonly emit: (event: KeeperEvent) => void;
}

export class Downtime {
  readonly #options: DowntimeOptions;
  #sinceMs: number | undefined;
  #holdTimer: NodeJS.Timeout | undefined;

  constructor(options: DowntimeOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#sinceMs = performance.now();
    this.#options.sockets.onEnded();
  }

  /** The program will be started again. */
  hold(): void {
    const { whileDown, holdMs } = this.#options;
    if (whileDown === "refuse") return this.#refuse("refuse");
    // It is not cleared when the program starts but spares what is in use: a program that takes long to listen is down for as long.
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.#refuse("hold"), holdMs);
    return undefined;
  }

  /** From time to time. `life` undefined: none runs; `isBeside`: another one serves meanwhile. */
  look(life: LifeNumber | undefined, isBeside: boolean): void {
    if (this.#sinceMs === undefined) return;
    const { sockets, emit } = this.#options;
    const connections = sockets.waitingCount();
    // Until it has come to its listen(2), a program that runs is as good as down for those who wait.
    const isDown =
      life === undefined || (!isBeside && connections !== undefined && sockets.takenOverBy(life) === "nothing");
    if (isDown) emit({ kind: "waiting", connections, downMs: Math.round(performance.now() - this.#sinceMs) });
    else this.#sinceMs = undefined;
  }

  close(): void {
    clearTimeout(this.#holdTimer);
  }

  #refuse(because: "refuse" | "hold"): void {
    if (this.#options.sockets.stopListening()) this.#options.emit({ kind: "refusing", because });
  }
}
