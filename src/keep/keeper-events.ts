/** What a keeper tells while it works, and how it ends. */
import type { ProgramEnd } from "../host/keeping.ts";
import type { KeepEvent, LifeNumber } from "./keep-events.ts";

export type KeeperEvent =
  | KeepEvent
  | {
      readonly kind: "started";
      readonly pid: number;
      readonly life: LifeNumber;
      readonly noNewPrivs: boolean;
      /** Calls of a 32-bit program are not heard: nothing of it is kept. */
      readonly bits: 32 | 64 | undefined;
    }
  | {
      readonly kind: "ended";
      readonly pid: number;
      readonly life: LifeNumber;
      readonly end: ProgramEnd;
      /** It was told to: it is no crash. */
      readonly asked: boolean;
    }
  /** It went into the background; this child of it is the program now. */
  | { readonly kind: "daemonized"; readonly pid: number; readonly life: LifeNumber }
  /** A launcher stands ready for the next life. */
  | { readonly kind: "ready"; readonly pid: number; readonly life: LifeNumber }
  | { readonly kind: "restarting"; readonly delayMs: number }
  /** So many restarts within the period are enough: it ends here. */
  | { readonly kind: "given-up"; readonly restarts: number; readonly periodMs: number }
  /**
   * Nobody accepts for so long: the program is down, or has not come to its listen() yet. So many connections wait to be accepted; undefined:
   * nothing listens.
   */
  | { readonly kind: "waiting"; readonly connections: number | undefined; readonly downMs: number }
  | { readonly kind: "refusing"; readonly because: "refuse" | "hold" }
  /** It was told to end and has not within its grace. */
  | { readonly kind: "killing"; readonly pid: number; readonly life: LifeNumber }
  /** The next program is started beside this one. */
  | { readonly kind: "reloading"; readonly pid: number }
  | ({ readonly kind: "reloaded" } & Reload);

/** `handed-over`: at no moment was nobody there. `restarted`: the old one was ended first. */
export type Reload =
  | { readonly result: "handed-over"; readonly pid: number; readonly from: number }
  | { readonly result: "restarted"; readonly pid: number }
  /** The one that ran before still does. */
  | { readonly result: "failed"; readonly why: string };

export type KeeperEnd =
  | { readonly because: "ended" | "never" | "too-many-restarts"; readonly end: ProgramEnd }
  /** `end` is left out where it was never started. */
  | { readonly because: "stopped"; readonly end?: ProgramEnd }
  | { readonly because: "cannot-start"; readonly errno: string; readonly path: string }
  | { readonly because: "cannot-keep"; readonly step: string; readonly errno: string };
