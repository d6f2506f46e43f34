/** What clients find while the program is down: a queue for some time, then nobody. */
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

  tell(): void {
    if (this.#sinceMs === undefined) return;
    const downMs = Math.round(performance.now() - this.#sinceMs);
    this.#options.emit({ kind: "waiting", connections: this.#options.sockets.waitingCount(), downMs });
  }

  end(): void {
    this.#sinceMs = undefined;
  }

  close(): void {
    clearTimeout(this.#holdTimer);
  }

  #refuse(because: "refuse" | "hold"): void {
    if (this.#options.sockets.stopListening()) this.#options.emit({ kind: "refusing", because });
  }
}
