/** What `drop` is about: ways to end a connection, and what a connection is to whoever wants it gone. */
import type { Socket } from "./socket.ts";

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
  /** By then all of them have ended by themselves; known of `time-wait` and `fin-wait-2`. */
  readonly endsInMs?: number;
}
