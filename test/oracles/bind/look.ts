/** What a user sees of a port: a dump, and the hidden options on top of it where they may be known. */
import { dumpAll } from "../../../src/inspect/dump.ts";
import type { Host } from "../../../src/host/host.ts";
import type { PortHolder } from "../../../src/tcp/bind-snapshot.ts";
import { portRange } from "../../../src/tcp/filter/filter.ts";
import type { Protocol, Socket } from "../../../src/tcp/socket.ts";
import { ALL_STATES, maskOf } from "../../../src/tcp/states.ts";
import type { StateMask } from "../../../src/tcp/states.ts";
import type { Hidden, Stage } from "./stage.ts";

export function socketsOf(host: Host, protocol: Protocol, port: number, states: StateMask = ALL_STATES): Socket[] {
  const sockets: Socket[] = [];
  dumpAll(host, { protocol, states, filter: portRange("local", port, port) }, (one) => sockets.push(one));
  return sockets;
}

/** All known, as the kernel has it. */
export function withHidden(sockets: readonly Socket[], stage: Stage): { holders: PortHolder[]; unknown: number } {
  let unknown = 0;
  const holders = sockets.map((socket): PortHolder => {
    const hidden = hiddenOf(socket, stage);
    if (hidden === undefined) {
      unknown++;
      return { socket };
    }
    const { reuseAddr, reusePort, v6only } = hidden;
    return { socket: socket.family === "ipv6" ? { ...socket, v6only } : socket, reuseAddr, reusePort };
  });
  return { holders, unknown };
}

export function hiddenOf(socket: Socket, stage: Stage): Hidden | undefined {
  return stage.hidden.get(socket.cookie ?? "") ?? stage.hiddenByPeer.get(socket.remote?.port ?? 0);
}

/** Bound sockets do not change by themselves, and a dump of them is a walk of all buckets. */
const CHANGING = ALL_STATES & ~maskOf("BOUND");

/** Is all as it was when these were seen? `but`: the cookie of a socket that is the looker's own. */
export function isStill(
  host: Host,
  protocol: Protocol,
  port: number,
  before: readonly Socket[],
  but?: string,
): boolean {
  const key = (list: readonly Socket[]): string =>
    list
      .filter(({ cookie }) => but === undefined || cookie !== but)
      .map(({ cookie, state, uid }) => `${cookie} ${state} ${uid}`)
      .join(",");
  if (protocol === "udp") return key(socketsOf(host, protocol, port)) === key(before);
  const changing = before.filter(({ state }) => state !== "BOUND");
  return key(socketsOf(host, protocol, port, CHANGING)) === key(changing);
}
