/** The network namespaces of a described machine: found by name, path or pid, and listed. */
import { PortmortemError } from "../base/errors.ts";
import type { NamespaceFacts, NetnsRef, ProcessSummary } from "../host/host.ts";
import type { FakeWorld, Namespace } from "./fake-world.ts";

/** Throws PM_NETNS_NOT_FOUND and PM_NETNS_FORBIDDEN. */
export function requireNamespace(world: FakeWorld, netns: NetnsRef): Namespace {
  const found = find(world, netns);
  const shown = "name" in netns ? netns.name : "path" in netns ? netns.path : `of pid ${netns.pid}`;
  if (found === undefined) {
    const names = world.namespaces.flatMap((namespace) => namespace.names);
    throw new PortmortemError("PM_NETNS_NOT_FOUND", `no network namespace ${shown}`, {
      hint: names.length === 0 ? "this fake machine has no named ones" : `there are: ${names.join(", ")}`,
    });
  }
  if (!found.mayEnter) {
    throw new PortmortemError("PM_NETNS_FORBIDDEN", `the network namespace ${shown} cannot be entered: EPERM`, {
      errno: "EPERM",
      hint: "entering a network namespace needs CAP_SYS_ADMIN: run it with sudo",
    });
  }
  return found;
}

function find({ namespaces, processes }: FakeWorld, netns: NetnsRef): Namespace | undefined {
  const byInode = (inode: number | undefined): Namespace | undefined =>
    namespaces.find((namespace) => namespace.inode === inode);
  if ("pid" in netns) return byInode(processes.get(netns.pid)?.netns);
  if ("name" in netns) return namespaces.find(({ names }) => names.includes(netns.name));
  const ofProcess = /^\/proc\/(\d+)\/ns\/net$/.exec(netns.path);
  if (ofProcess !== null) return byInode(processes.get(Number(ofProcess[1]))?.netns);
  return namespaces.find(({ names }) => names.some((name) => pathOf(name) === netns.path));
}

export function namespacesOf(world: FakeWorld, seen: readonly ProcessSummary[]): NamespaceFacts[] {
  return world.namespaces.map(({ inode, names }) => {
    const inside = seen.filter(({ netns }) => netns === inode).map(({ pid }) => pid);
    const pid = inside.length === 0 ? undefined : Math.min(...inside);
    const path = names[0] === undefined ? (pid === undefined ? undefined : `/proc/${pid}/ns/net`) : pathOf(names[0]);
    return {
      inode,
      names,
      ...(path === undefined ? {} : { path }),
      ...(pid === undefined ? {} : { pid }),
      processes: inside.length,
    };
  });
}

function pathOf(name: string): string {
  return `/run/netns/${name}`;
}
