/** Listeners in the machine's other network namespaces that can explain why a port here is not what somebody thinks. */
import { isPortmortemError } from "../base/errors.ts";
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
  let closed = 0;
  for (const namespace of others.slice(0, MOST_NAMESPACES)) {
    const inside = enter(host, namespace);
    if (inside === "forbidden") closed++;
    else if (inside !== "gone") {
      const addresses = targets.length === 0 ? [] : inside.localAddresses().map(({ address }) => address);
      const ports = [
        port,
        ...targets.filter(({ address }) => addresses.includes(address)).map((target) => target.port),
      ];
      found.push(...(await listenersIn(inside, namespace, protocol, [...new Set(ports)])));
    }
  }
  const unseen = closed + Math.max(0, others.length - MOST_NAMESPACES);
  if (unseen > 0) {
    incomplete.push({
      what: `${unseen} other network namespace${unseen > 1 ? "s" : ""}`,
      why: closed > 0 ? "entering one needs CAP_SYS_ADMIN" : `only ${MOST_NAMESPACES} were looked into`,
      ...(closed > 0 ? { hint: "run it with sudo" } : {}),
    });
  }
  return found;
}

function enter(host: Host, namespace: NamespaceFacts): Host | "gone" | "forbidden" {
  const ref = namespace.path === undefined ? { pid: namespace.pid ?? 0 } : { path: namespace.path };
  try {
    return host.enter(ref);
  } catch (error) {
    if (isPortmortemError(error) && error.code === "PM_NETNS_NOT_FOUND") return "gone";
    if (isPortmortemError(error) && error.code === "PM_NETNS_FORBIDDEN") return "forbidden";
    throw error;
  }
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
