/** Peers that are gone without a word (half-open connections, RFC 9293, 3.5.1), found in a time that can be stated. */
import type { Http2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import { checkGuard, type GuardOptions, type GuardReport } from "./guard-options.ts";
import type { TakeConnection } from "./guard-run.ts";
import { rawBelow, socketOfSession } from "./node-internals.ts";
import { connectionsOf } from "./watch.ts";

export interface Guard {
  /** Settles once all is set that can be set, some milliseconds after the first guard: what is needed for it is loaded then. */
  report(): Promise<GuardReport>;
  /** Nobody is cut any more by us. What is set in the kernel stays set. */
  remove(): void;
  [Symbol.dispose](): void;
}

/** A connection, a server with all that it has and will have, or an http2 session. */
export type Guarded = Socket | Server | Http2Session;

const guards = new WeakMap<Guarded, Guard>();

/**
 * Ends connections whose peer is gone, in a bounded time, which `report()` states; docs/graceful.md says what each option finds and what
 * it costs. Such a socket is destroyed, by a reset where it can be, with a PortmortemError `PM_PEER_LOST`, or `PM_PEER_IDLE` of `idleTimeoutMs`.
 * Where the kernel has found it, the error is the kernel's (ETIMEDOUT, EHOSTUNREACH …) and its `cause` is the PortmortemError.
 *
 * A healthy peer that is idle is cut by `idleTimeoutMs` only. Time in which the process does not run (SIGSTOP, a laptop asleep) is not counted,
 * nor time in which the program has paused the socket. One timer for all connections, which keeps no process alive. A second guard of the same
 * target takes the place of the first.
 *
 * @throws PortmortemError PM_USAGE for what is no socket, server or http2 session of Node, or a time that is none.
 */
export function guard(target: Guarded, options: GuardOptions): Guard {
  checkGuard(options);
  if (typeof (target as Partial<Socket> | undefined)?.on !== "function")
    throw new PortmortemError("PM_USAGE", "guard() was given neither a socket, a server nor an http2 session of Node");
  guards.get(target)?.remove();
  const follow = followed(target);
  let isRemoved = false;
  // Some milliseconds later. A guard that cannot be loaded is an unhandled rejection, rather than one that does nothing.
  const running = import("./later.ts").then(({ runGuard }) =>
    runGuard(options, (take) => (isRemoved ? () => {} : follow(take))),
  );
  const remove = (): void => {
    isRemoved = true;
    void running.then((one) => one.remove());
  };
  const made = { report: async () => (await running).report(), remove, [Symbol.dispose]: remove };
  guards.set(target, made);
  return made;
}

/** The connections of a server are watched from now on. */
function followed(target: Guarded): (take: TakeConnection) => () => void {
  if ("getConnections" in target) {
    const watched = connectionsOf(target);
    return (take) => {
      for (const [raw, socket] of watched.sockets) take(raw, socket);
      return watched.onConnection(take);
    };
  }
  const socket = "goaway" in target ? socketOfSession(target) : target;
  if (socket === undefined) return () => () => {};
  return (take) => {
    const begin = (): void => take(rawBelow(socket), socket);
    if (socket.connecting) socket.once("connect", begin);
    else begin();
    return () => socket.off("connect", begin);
  };
}
