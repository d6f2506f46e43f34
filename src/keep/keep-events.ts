/** What is told of the sockets that are kept. */
import type { SocketPlace } from "../host/keeping.ts";
import type { WantedPort } from "./wanted-ports.ts";

/** A life is one start of the program and all the processes that come of it. */
export type LifeNumber = number;

export type KeepEvent =
  | { readonly kind: "bound" | "kept"; readonly place: SocketPlace; readonly pid: number }
  /** The next life has it. `connections` wait in its queue; undefined: it does not listen. */
  | {
      readonly kind: "returned";
      readonly place: SocketPlace;
      readonly pid: number;
      readonly connections: number | undefined;
    }
  /** Of a Unix socket that nobody is bound to any more. */
  | { readonly kind: "path-cleared"; readonly path: string; readonly pid: number }
  /** It accepts: now, or connections wait already. */
  | { readonly kind: "listening"; readonly place: SocketPlace; readonly pid: number; readonly life: LifeNumber }
  /** Nothing that was named is kept, for the program listens on these. */
  | { readonly kind: "elsewhere"; readonly places: readonly SocketPlace[]; readonly named: readonly WantedPort[] }
  | { readonly kind: "released"; readonly place: SocketPlace; readonly because: ReleaseReason }
  | { readonly kind: "cannot-keep"; readonly pid: number; readonly step: string; readonly errno: string };

/**
 * `moved`: the program binds what this one would block. `closed`: it closed its own and goes on. `unclaimed`: a later life does not use it.
 * `watched`: it had its own in an epoll set before the bind. `not-bound`: the bind failed after all. `ended`: so has the keeper.
 */
export type ReleaseReason = "watched" | "moved" | "closed" | "unclaimed" | "ended" | "not-bound";
