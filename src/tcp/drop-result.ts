/** The shape of `drop`'s plan and answer, as docs/cli.md promises it. */
import type { DropWay } from "./drop-plan.ts";
import type { Endpoint, Incomplete, Socket } from "./socket.ts";

export interface DropStep {
  readonly kind: DropWay;
  readonly count: number;
  readonly socket: Socket;
  readonly text: string;
  /** The gentle way, where there is one and another is taken: `how` in the options. */
  readonly gentler?: "shutdown";
}

/** Not done, or tried in vain. */
export interface DropFailure {
  readonly count: number;
  readonly socket: Socket;
  /** What would help: a right, another kernel, a descriptor that we may duplicate; or nothing that is known. */
  readonly lacks?: "right" | "kernel" | "descriptor";
  readonly errno?: string;
  readonly text: string;
  /** Left alone they end by themselves, the last of them in so long. */
  readonly endsInMs?: number;
  /** What can be typed instead. */
  readonly command?: string;
}

/** Matched, and never touched. */
export interface DropSpared {
  readonly count: number;
  readonly socket: Socket;
  readonly text: string;
}

/** Ports of this machine from which a new connection to that peer could start. */
export interface PeerPorts {
  readonly peer: Endpoint;
  /** The address of this machine that they are counted for. */
  readonly localAddress: string;
  readonly before: number;
  readonly after?: number;
  /** All that there are: ip_local_port_range, less the reserved ones. */
  readonly of: number;
}

export interface DropPlan {
  /** Connections that match the filter. */
  readonly matched: number;
  readonly plan: readonly DropStep[];
  /** Of these it is known before that they cannot be ended. */
  readonly failed: readonly DropFailure[];
  /** What matches and is no connection. */
  readonly spared: readonly DropSpared[];
  /** The peers whose connections run out of local ports, where these are few. */
  readonly localPorts: readonly PeerPorts[];
  readonly incomplete: readonly Incomplete[];
}

export interface DropResult extends DropPlan {
  /** Ended by us. */
  readonly dropped: number;
  /** Of those in the plan: how many are there no more, whoever ended them. */
  readonly gone: number;
  /** Shut in order, and not through with it. */
  readonly closing?: number;
  readonly dryRun?: true;
  /** `confirm` said no. */
  readonly declined?: true;
  readonly interrupted?: true;
}
