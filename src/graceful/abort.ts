/** The abortive close, where it is meant. */
import type { Server, Socket } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import { rawBelow, socketBehind } from "./node-internals.ts";
import { resetSocket } from "./reset-socket.ts";
import { stopListening } from "./stop-listening.ts";
import { connectionsOf } from "./watch.ts";

/**
 * Ends a connection, or a server and all its connections, with a reset: no TIME-WAIT on either side, and no waiting. What it costs: all that is not
 * yet sent is lost; what the peer has received but not read may be lost too, and its next call fails with ECONNRESET (RFC 9293, 3.5.3). TLS
 * sockets are reset below TLS, so the peer gets no close_notify; streams of an http2 session all fail.
 *
 * Answers how many connections it ended. A client's TLS socket, or one on another stream than TCP, is destroyed where it cannot be reset.
 *
 * @throws PortmortemError PM_USAGE for what is neither a socket nor a server of Node.
 */
export function abort(target: Socket | Server): number {
  const real = typeof target === "object" && target !== null ? socketBehind(target) : target;
  if (real === undefined && target !== undefined) return 0;
  if (isServer(real)) {
    const raws = [...connectionsOf(real).sockets.keys()];
    stopListening(real);
    for (const raw of raws) resetSocket(raw);
    return raws.length;
  }
  if (typeof (real as Partial<Socket> | undefined)?.destroy !== "function")
    throw new PortmortemError("PM_USAGE", "abort() was given something that is neither a socket nor a server of Node", {
      hint: "of an http request it is request.socket, of a WebSocket of the package ws its _socket",
    });
  const raw = rawBelow(real as Socket);
  if (raw.destroyed) return 0;
  resetSocket(raw);
  return 1;
}

function isServer(target: Socket | Server | undefined): target is Server {
  return typeof (target as Partial<Server> | undefined)?.getConnections === "function";
}
