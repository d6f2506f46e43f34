/** What a mode does with the sockets of the program that is kept: nothing (plain), holds them (adopt), makes them (activate). */
import type { CallHandler, PassedDescriptor, SocketPlace } from "../host/keeping.ts";
import type { LifeNumber, ReleaseReason } from "./keep-events.ts";

export interface ModeSockets {
  readonly mode: "adopt" | "activate" | "plain";
  /** Undefined: the program's calls are not heard. */
  calls(life: LifeNumber): Pick<CallHandler, "onBind" | "onListen"> | undefined;
  /** What the program gets at its start (LISTEN_FDS). */
  readonly passed: readonly PassedDescriptor[];
  /** Before each start, but for one beside a program that runs. Aborted: the program is not wanted any more. */
  beforeStart(signal: AbortSignal): Promise<void>;
  /** No program runs now. */
  onEnded(): void;
  /** From time to time while this life runs. */
  look(life: LifeNumber): void;
  /** Does this life have all of it? Nothing at all is all of it. */
  isServedBy(life: LifeNumber): boolean;
  /** How far a life that was started beside another has come with taking over; undefined: nobody can tell. */
  takenOverBy(life: LifeNumber): "nothing" | "some" | "all" | undefined;
  /** What the one took over is the other's again. */
  giveBack(from: LifeNumber, to: LifeNumber): void;
  /** A process of this life that has some of it. */
  holderOf(life: LifeNumber): number | undefined;
  /** Nobody is there: whoever connects is refused at once. False: there was nothing to stop. */
  stopListening(): boolean;
  /** Connections that wait to be accepted; undefined: nothing listens. */
  waitingCount(): number | undefined;
  /** What is kept, each place once. */
  places(): readonly SocketPlace[];
  releaseAll(because: ReleaseReason): void;
}

/** What is the same for programs whose calls nobody hears. */
export abstract class UnheardSockets {
  calls(): undefined {
    return undefined;
  }
  look(): void {}
  isServedBy(): boolean {
    return true;
  }
  takenOverBy(): undefined {
    return undefined;
  }
  giveBack(): void {}
  holderOf(): undefined {
    return undefined;
  }
}

/** Mode plain: nothing is held; the port is made free before each start. */
export class NoSockets extends UnheardSockets implements ModeSockets {
  readonly mode = "plain";
  readonly passed = [];
  readonly #clearTheWay: (signal: AbortSignal) => Promise<void>;

  constructor(clearTheWay: (signal: AbortSignal) => Promise<void>) {
    super();
    this.#clearTheWay = clearTheWay;
  }

  beforeStart(signal: AbortSignal): Promise<void> {
    return this.#clearTheWay(signal);
  }
  onEnded(): void {}
  stopListening(): boolean {
    return false;
  }
  waitingCount(): undefined {
    return undefined;
  }
  places(): readonly SocketPlace[] {
    return [];
  }
  releaseAll(): void {}
}
