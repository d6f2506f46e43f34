/** Who is connected to a server: the sockets, from the moment that it is watched, and those that were there before. */
import type { Server, Socket } from "node:net";
import { connectionsSoFar, rawBelow } from "./node-internals.ts";

export interface ServerWatch {
  /** The TCP socket of each connection → the socket that the program has: the TLS socket above it, or itself. */
  readonly sockets: ReadonlyMap<Socket, Socket>;
  /** Told of each new connection, and again when TLS has been agreed on. Answers how to stop that. */
  onConnection(listener: (raw: Socket, socket: Socket) => void): () => void;
}

const watches = new WeakMap<Server, ServerWatch>();

/**
 * Remembers the connections of a server from now on. `listen` and `shutdownOnSignals` do it; call it yourself, before the server listens, if
 * you only use `drain` or `abort`: of a TLS server that was never watched Node does not tell which TLS socket is on which connection. It costs
 * an entry a connection, and nothing a request.
 */
export function watch(server: Server): void {
  connectionsOf(server);
}

export function connectionsOf(server: Server): ServerWatch {
  const known = watches.get(server);
  if (known !== undefined) return known;
  const sockets = new Map<Socket, Socket>();
  const listeners = new Set<(raw: Socket, socket: Socket) => void>();
  const take = (socket: Socket): void => {
    const raw = rawBelow(socket);
    if (raw.destroyed && socket.destroyed) return;
    if (!sockets.has(raw)) raw.once("close", () => sockets.delete(raw));
    sockets.set(raw, socket);
    for (const listener of listeners) listener(raw, socket);
  };
  for (const socket of connectionsSoFar(server)) take(socket);
  server.prependListener("connection", take);
  server.prependListener("secureConnection", take);
  const made: ServerWatch = {
    sockets,
    onConnection: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  watches.set(server, made);
  return made;
}
