/** Whose the sockets are that stand in the way of a connect(): samples of them, traced to their programs in one search. */
import type { Host } from "../host/host.ts";
import type { PortHolders } from "../tcp/connect-snapshot.ts";
import { allOf, portRange } from "../tcp/filter/filter.ts";
import type { Endpoint, Incomplete, Socket } from "../tcp/socket.ts";
import { maskOf } from "../tcp/states.ts";
import { unmapped } from "../tcp/ip-address.ts";
import type { PortRange } from "../tcp/sysctl-values.ts";
import { traceOwners } from "./describe-owners.ts";
import { listeningPorts } from "./dump.ts";
import { eachPortUse } from "./port-table.ts";
import type { Progress } from "./progress.ts";

/** So many sockets of each kind are traced: enough to find the program that has most of them. */
export const MOST_TRACED = 256;

/**
 * The other ends, on this machine, of connections that were closed here: they are in CLOSE-WAIT until their program closes, too. None where
 * the peer is another machine. At most MOST_TRACED.
 */
export function peersUnclosedEnds(host: Host, remote: Endpoint, source: string, range: PortRange): Socket[] {
  const found: Socket[] = [];
  const address = remote.address.split("%")[0];
  const ends = allOf([portRange("local", remote.port, remote.port), portRange("remote", range.first, range.last)]);
  eachPortUse(
    host,
    { protocol: "tcp", states: maskOf("CLOSE-WAIT"), filter: ends },
    ({ localAddress, remoteAddress }, _device, socket) => {
      if (found.length >= MOST_TRACED || remoteAddress === undefined) return;
      if (unmapped(localAddress) === address && unmapped(remoteAddress) === source.split("%")[0]) found.push(socket());
    },
  );
  return found;
}

type Kind = "holders" | "connectedHolders" | "peerHolders";

/** Of each kind the program with the most ports first. */
export async function traceHolders(
  host: Host,
  sockets: Readonly<Record<Kind, readonly Socket[]>>,
  incomplete: Incomplete[],
  progress: Progress | undefined,
): Promise<Record<Kind, PortHolders[]>> {
  const must = [...new Set([...sockets.holders, ...sockets.connectedHolders, ...sockets.peerHolders])];
  if (must.length === 0) return { holders: [], connectedHolders: [], peerHolders: [] };
  const owners = await traceOwners(host, {
    must,
    listeningPorts: listeningPorts(host),
    ...(progress === undefined ? {} : { progress }),
  });
  incomplete.push(...owners.incomplete);
  const group = (some: readonly Socket[], side: "local" | "remote"): PortHolders[] =>
    byProgram(some.map(owners.of), side);
  return {
    holders: group(sockets.holders, "local"),
    connectedHolders: group(sockets.connectedHolders, "local"),
    peerHolders: group(sockets.peerHolders, "remote"),
  };
}

/** `side`: at which end of these sockets the ports in question are. */
function byProgram(sockets: readonly Socket[], side: "local" | "remote"): PortHolders[] {
  const groups = new Map<string, { socket: Socket; ports: Set<number> }>();
  for (const socket of sockets) {
    const key = (socket.owners ?? []).map(({ pid }) => pid).join(",");
    const port = socket[side]?.port ?? 0;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { socket, ports: new Set([port]) });
    else group.ports.add(port);
  }
  return [...groups.values()]
    .map(({ socket, ports }) => ({ socket, ports: ports.size }))
    .sort((a, b) => b.ports - a.ports);
}
