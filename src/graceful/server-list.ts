/** Servers, as they are given to what ends them. */
import type { Server } from "node:net";
import { PortmortemError } from "../base/errors.ts";

/** @throws PortmortemError PM_USAGE for what is no server of node:net, tls, http, https or http2. */
export function serverList(caller: string, servers: Server | readonly Server[]): readonly Server[] {
  const list = [...new Set(Array.isArray(servers) ? (servers as readonly Server[]) : [servers as Server])];
  for (const server of list)
    if (typeof server?.getConnections !== "function" || typeof server.prependListener !== "function")
      throw new PortmortemError("PM_USAGE", `${caller} was given something that is no server of Node`, {
        hint: "give it the server of node:net, tls, http, https or http2: of a framework mostly app.server, or what listen() returned",
      });
  return list;
}
