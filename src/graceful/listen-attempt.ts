/** One call of `listen`, and how it ended. */
import type { Server } from "node:net";
import { PortmortemError } from "../base/errors.ts";

/** Anything that listens: a server of Node, or what makes one (an app of express or koa). */
export interface Listenable {
  listen(...args: never[]): unknown;
}

/**
 * The server that listens; rejects with the error. The server's own handlers are not told of it: programs end themselves on EADDRINUSE
 * there, and this one may go away. No handler is added, and none is left behind.
 */
export async function attemptToListen(target: Listenable, args: readonly unknown[]): Promise<Server> {
  const returned = (target.listen as (...args: unknown[]) => unknown).apply(target, [...args]);
  const server = [returned, target].find(isEmitter) as Server | undefined;
  if (server === undefined) {
    // A promise of fastify and its like: nobody may be left to hear of its failure.
    void Promise.resolve(returned).catch(() => {});
    throw new PortmortemError("PM_USAGE", "listen() was given an app whose listen() makes no server of Node at once", {
      hint: "give it the app's server, mostly app.server",
    });
  }
  // Node tells in a later turn.
  const error = await new Promise<Error | undefined>((resolve) => {
    const own = Object.getOwnPropertyDescriptor(server, "emit");
    const emit = server.emit.bind(server) as (...args: unknown[]) => boolean;
    server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      const isError = event === "error";
      if (isError || event === "listening") {
        Reflect.deleteProperty(server, "emit");
        if (own) Object.defineProperty(server, "emit", own);
        resolve(isError ? (args[0] as Error) : undefined);
      }
      return isError || emit(event, ...args);
    };
  });
  if (error) throw error;
  return server;
}

function isEmitter(value: unknown): boolean {
  return typeof (value as Partial<Server> | undefined)?.emit === "function";
}
