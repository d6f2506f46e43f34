/** What `drop` is about: which connections were found, what is to be done to them, and what came of it. */
import type { Endpoint, Socket } from "./socket.ts";

/** `destroy`: SOCK_DESTROY, by the kernel. `shutdown` and `reset`: through a duplicate of its program's descriptor. */
export type DropWay = "destroy" | "shutdown" | "reset";

export const DROP_WAYS: readonly DropWay[] = ["destroy", "shutdown", "reset"];

/**
 * What a connection is to whoever wants it gone. `fin-wait-2` is the kernel's small remainder of a closed connection, `orphan` a whole
 * socket that only the kernel holds, `unheld` one without a descriptor that is neither: it waits to be accepted, most often.
 */
export type DropClass = "time-wait" | "fin-wait-2" | "orphan" | "unheld" | "held";

/** Connections of which the same can be said. */
export interface DropGroup {
  readonly class: DropClass;
  readonly state: Socket["state"];
  readonly count: number;
  /** One of them. */
  readonly socket: Socket;
}

export interface DropStep {
  readonly kind: DropWay;
  readonly count: number;
  readonly socket: Socket;
  readonly text: string;
}

/** Not done, or tried in vain. */
export interface DropFailure {
  readonly count: number;
  readonly socket: Socket;
  /** What would help: a right, another kernel, a descriptor that we may duplicate; or nothing that is known. */
  readonly lacks?: "right" | "kernel" | "descriptor";
  readonly errno?: string;
  readonly text: string;
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
