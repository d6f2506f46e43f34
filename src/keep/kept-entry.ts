/** A socket that is kept, and who has it. */
import type { KeptSocket, SocketPlace } from "../host/keeping.ts";
import type { LifeNumber } from "./keep-events.ts";

export interface Holder {
  readonly life: LifeNumber;
  readonly pid: number;
  readonly fd: number;
}

export interface Taken {
  readonly pid: number;
  readonly fd: number;
  readonly atTicks: number;
}

export interface KeptEntry {
  readonly socket: KeptSocket;
  readonly place: SocketPlace;
  /** Who bound it, by effective user; another one does not get it. */
  readonly uid: number | undefined;
  /** Who had it last. */
  holder: Holder;
  /** By whom and when the last life got it. */
  taken: Taken;
  backlog: number | undefined;
  /** We stopped it: the next listen(2) opens it again. */
  stopped: boolean;
  /** The life that was told to listen on it; some call listen(2) twice. */
  toldLife?: LifeNumber;
  /** Looks in a row at which nobody had it. */
  missedLooks: number;
}
