/** All sockets of both namespaces at one moment. */
import type { Host } from "../../../src/host/host.ts";
import { dumpAll } from "../../../src/inspect/dump.ts";
import type { Endpoint, Socket } from "../../../src/tcp/socket.ts";
import { ALL_STATES } from "../../../src/tcp/states.ts";
import type { World } from "./played.ts";

export function lookAround(here: Host, beyond: Host): World {
  const world = new Map<string, { readonly socket: Socket; readonly beyond: boolean }>();
  for (const host of [here, beyond])
    for (const protocol of ["tcp", "udp"] as const)
      dumpAll(host, { protocol, states: ALL_STATES }, (socket) => {
        if (socket.cookie !== undefined) world.set(socket.cookie, { socket, beyond: host === beyond });
      });
  return world;
}

/** It is there, and as it was: only what no program holds goes on by itself, and what waits for the other side's word. */
export function isIntact(was: Socket, after: World): boolean {
  const now = after.get(was.cookie ?? "")?.socket;
  if (now === undefined || now.state === was.state) return now !== undefined;
  return (was.inode === undefined && now.inode === undefined) || was.state === "FIN-WAIT-1" || was.state === "CLOSING";
}

/** The other ends of connections, wherever they are. */
export class Ends {
  readonly #byEnds = new Map<string, Socket>();

  constructor(world: World) {
    for (const { socket } of world.values())
      if (socket.remote !== undefined) this.#byEnds.set(keyOf(socket.local, socket.remote), socket);
  }

  otherOf({ local, remote }: Socket): Socket | undefined {
    return remote === undefined ? undefined : this.#byEnds.get(keyOf(remote, local));
  }
}

function keyOf(local: Endpoint, remote: Endpoint): string {
  return [local, remote].map(({ address, port }) => `${address.replace("::ffff:", "")} ${port}`).join(" ");
}
