/** What is wished for, and the steps that come of it, each with what exactly it is about. */
import type { ContainerStep, DestroyStep, FreeRefusal, ReleaseStep, SignalStep, WaitStep } from "../tcp/free-plan.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import type { Container, Socket } from "../tcp/socket.ts";

/** So long whoever is asked to end has for it, if nothing else is said. */
export const GRACE_MS = 10_000;

export interface FreeWish {
  /** What ends by itself within this time is waited for. */
  readonly waitMs: number;
  readonly graceMs: number;
  /** SIGKILL after that. */
  readonly force: boolean;
  /** Of outgoing connections that took the port as their own: `ask` plans to end them, and the question is the consent. */
  readonly clients: "leave" | "ask" | "drop";
  /** The program as it was started, not only those of its processes that hold the port. */
  readonly tree: boolean;
  /** Stop a container whose port it is. */
  readonly container: boolean;
  /** This command as it can be typed, with further options; as root. */
  readonly command: (more: readonly string[], asRoot: boolean) => string;
}

/** A step, and what exactly it is about. */
export type PlannedStep =
  | { readonly kind: "wait"; readonly step: WaitStep; readonly sockets: readonly Socket[] }
  | { readonly kind: "destroy"; readonly step: DestroyStep; readonly sockets: readonly Socket[] }
  | {
      readonly kind: "drop";
      readonly step: ReleaseStep;
      readonly sockets: readonly Socket[];
      /** The port was asked for in bind(): it stays with the descriptor until that is closed (SOCK_BINDPORT_LOCK). */
      readonly staysBound: boolean;
    }
  | {
      readonly kind: "signal";
      readonly step: SignalStep;
      readonly process: ProcessNode;
      readonly sockets: readonly Socket[];
    }
  | { readonly kind: "container"; readonly step: ContainerStep; readonly container: Container };

export interface PlannedFree {
  readonly steps: readonly PlannedStep[];
  readonly refused: readonly FreeRefusal[];
}
