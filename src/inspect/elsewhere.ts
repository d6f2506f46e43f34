/** Listeners in the machine's other network namespaces that can explain why a port here is not what somebody thinks. */
import { isPortmortemError } from "../base/errors.ts";
import type { PortmortemError } from "../base/errors.ts";
import type { Host, NamespaceFacts } from "../host/host.ts";
import type { ElsewhereListener } from "../tcp/bind-snapshot.ts";
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import { anyOf, portRange } from "../tcp/filter/filter.ts";
import type { Incomplete, Protocol, Socket } from "../tcp/socket.ts";
import { maskOf } from "../tcp/states.ts";
import { traceOwners } from "./describe-owners.ts";
import { dumpAll } from "./dump.ts";

/** A machine with more namespaces than this is a container host: the rest are counted, not looked into. */
const MOST_NAMESPACES = 128;

export async function findElsewhere(
  host: Host,
  port: number,
  protocol: Protocol,
  holders: readonly Socket[],
  incomplete: Incomplete[],
): Promise<ElsewhereListener[]> {
  const here = host.netns().inode;
  const others = host.namespaces().filter((namespace) => namespace.inode !== here);
  const targets = holders.flatMap((socket) => socket.owners ?? []).flatMap((owner) => dockerProxyTarget(owner) ?? []);
  const found: ElsewhereListener[] = [];
  const closed: PortmortemError[] = [];
  for (const namespace of others.slice(0, MOST_NAMESPACES)) {
    try {
      const inside = enter(host, namespace);
      const addresses = targets.length === 0 ? [] : inside.localAddresses().map(({ address }) => address);
      const ports = [
        port,
        ...targets.filter(({ address }) => addresses.includes(address)).map((target) => target.port),
      ];
      found.push(...(await listenersIn(inside, namespace, protocol, [...new Set(ports)])));
    } catch (error) {
      if (!isPortmortemError(error) || !CLOSED.has(error.code)) throw error;
      // One that has ended meanwhile holds no listener.
      if (error.code !== "PM_NETNS_NOT_FOUND") closed.push(error);
    }
  }
  incomplete.push(...unseen(closed, others.length));
  return found;
}

/** By its path; where that is forbidden, by a pid in it: anyone may look at its tables. */
function enter(host: Host, { path, pid }: NamespaceFacts): Host {
  if (path === undefined) return host.enter({ pid: pid ?? 0 });
  try {
    return host.enter({ path });
  } catch (error) {
    if (pid === undefined || !isPortmortemError(error) || error.code === "PM_NETNS_NOT_FOUND") throw error;
    return host.enter({ pid });
  }
}

const CLOSED: ReadonlySet<string> = new Set([
  "PM_NETNS_NOT_FOUND",
  "PM_NETNS_FORBIDDEN",
  "PM_NO_NATIVE",
  "PM_NO_SOCKET_SOURCE",
]);

function unseen(closed: readonly PortmortemError[], total: number): Incomplete[] {
  const [first] = closed;
  const items: Incomplete[] = [];
  if (first !== undefined) {
    const what = `${closed.length} other network namespace${closed.length > 1 ? "s" : ""}`;
    items.push(
      first.code === "PM_NO_NATIVE"
        ? { what, why: first.message, ...(first.hint === undefined ? {} : { hint: first.hint }) }
        : { what, why: "entering one needs CAP_SYS_ADMIN", hint: "run it with sudo" },
    );
  }
  if (total > MOST_NAMESPACES) {
    items.push({
      what: `${total - MOST_NAMESPACES} other network namespaces`,
      why: `only ${MOST_NAMESPACES} were looked into`,
    });
  }
  return items;
}

async function listenersIn(
  inside: Host,
  namespace: NamespaceFacts,
  protocol: Protocol,
  ports: readonly number[],
): Promise<ElsewhereListener[]> {
  const listeners: Socket[] = [];
  const states = protocol === "tcp" ? maskOf("LISTEN") : maskOf("BOUND");
  dumpAll(inside, { protocol, states, filter: anyOf(ports.map((port) => portRange("local", port, port))) }, (socket) =>
    listeners.push(socket),
  );
  if (listeners.length === 0) return [];
  const owners = await traceOwners(inside, { must: listeners, listeningPorts: new Set(ports) });
  return listeners.map((socket) => ({
    socket: owners.of(socket),
    netns: namespace.inode,
    names: namespace.names,
    ...(namespace.pid === undefined ? {} : { pid: namespace.pid }),
  }));
}
