/** The shape of `free`'s plan and answer, as docs/cli.md promises it. */
import type { SignalName } from "./signals.ts";
import type { DropWay } from "./drop-plan.ts";
import type { Supervisor } from "./process-node.ts";
import type { Container, Incomplete, Protocol, Socket } from "./socket.ts";

interface StepBase {
  readonly text: string;
  /** It is for when the port is still taken after the steps before it. */
  readonly ifNeeded?: true;
}

/** What ends by itself in a time that was allowed for it. */
export interface WaitStep extends StepBase {
  readonly kind: "wait";
  readonly count: number;
  readonly socket: Socket;
  readonly forMs: number;
}

/** What no program holds. Without a socket: what those that have ended leave behind. */
export interface DestroyStep extends StepBase {
  readonly kind: "destroy";
  readonly count?: number;
  readonly socket?: Socket;
}

/** A connection; its program is left alone. */
export interface ReleaseStep extends StepBase {
  readonly kind: "drop";
  readonly how: DropWay;
  readonly count: number;
  readonly socket: Socket;
}

export interface SignalStep extends StepBase {
  readonly kind: "signal";
  readonly pid: number;
  readonly signal: SignalName;
  /** So long after the first signal, if it is still there and the port still taken. */
  readonly afterMs?: number;
  /** What it holds; left out for a process of its tree that holds nothing of it. */
  readonly socket?: Socket;
}

export interface ContainerStep extends StepBase {
  readonly kind: "container";
  readonly container: Container;
  readonly pid?: number;
}

export type FreeStep = WaitStep | DestroyStep | ReleaseStep | SignalStep | ContainerStep;

/**
 * `ok`: done, and seen to be so. `gone`: it had ended before its turn. `not-needed`: the port was free before its turn. `failed`: with the
 * kernel's answer. `interrupted`: `why` says how far it came; without it, it was not begun.
 */
export type DoneStep = FreeStep & {
  readonly result: "ok" | "gone" | "not-needed" | "failed" | "interrupted";
  readonly errno?: string;
  readonly why?: string;
};

/** In the way, and left there. */
export interface FreeRefusal {
  readonly count: number;
  readonly socket?: Socket;
  readonly pid?: number;
  /** What would help: a right, another kernel, an option of this command; or nothing that is known. */
  readonly lacks?: "right" | "kernel" | "option" | "descriptor" | "container";
  readonly text: string;
  /** What can be typed instead. */
  readonly command?: string;
}

/** In order: a parent before its children. */
export interface TreeLine {
  readonly pid: number;
  /** 0 for a root. */
  readonly depth: number;
  readonly command: string;
  readonly args: readonly string[];
  /** It holds the port. */
  readonly holds: boolean;
}

export interface FreeEndpoint {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  readonly v6only: boolean;
  readonly interface?: string;
}

export interface FreePlan {
  readonly endpoints: readonly (FreeEndpoint & { readonly bindable: boolean })[];
  /** Every one of them. */
  readonly bindable: boolean;
  readonly plan: readonly FreeStep[];
  readonly refused: readonly FreeRefusal[];
  readonly spared: readonly { readonly count: number; readonly socket: Socket; readonly text: string }[];
  /** The program as it was started, where it is more than one process. */
  readonly tree: readonly TreeLine[];
  readonly supervisors: readonly Supervisor[];
  readonly incomplete: readonly Incomplete[];
}

export interface FreeResult extends FreePlan {
  readonly done: readonly DoneStep[];
  /** It was freed, and somebody started it again. */
  readonly cameBack?: { readonly text: string; readonly socket: Socket; readonly command?: string };
  readonly dryRun?: true;
  /** `confirm` said no. */
  readonly declined?: true;
  readonly interrupted?: true;
}
