/**
 * The network namespaces of this machine: those that processes are in, and those that are held by a bind mount (`ip netns add`, docker). One
 * that only a socket or a descriptor holds is not found this way (namespaces(7) has no list).
 */
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { PortmortemError } from "../../base/errors.ts";
import type { NamespaceFacts, NetnsRef, ProcessSummary } from "../host.ts";
import { errnoOf } from "./read-file.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

/** One mounted namespace: its name is the file's. */
interface Mounted {
  readonly name: string;
  readonly path: string;
  readonly inode: number;
}

/** `processes` is what the process table told, of all of them. */
export function findNamespaces(
  processes: readonly Pick<ProcessSummary, "pid" | "netns">[],
  roots: SystemRoots = SYSTEM_ROOTS,
): NamespaceFacts[] {
  const found = new Map<number, { names: string[]; path?: string; pid?: number; processes: number }>();
  const entry = (inode: number) => {
    let facts = found.get(inode);
    if (facts === undefined) found.set(inode, (facts = { names: [], processes: 0 }));
    return facts;
  };
  for (const { pid, netns } of processes) {
    if (netns === undefined) continue;
    const facts = entry(netns);
    facts.processes++;
    if (facts.pid === undefined || pid < facts.pid) {
      facts.pid = pid;
      facts.path = `${roots.proc}/${pid}/ns/net`;
    }
  }
  for (const { name, path, inode } of mountedNamespaces(roots)) {
    const facts = entry(inode);
    // A mounted name outlives the process.
    if (facts.names.length === 0) facts.path = path;
    facts.names.push(name);
  }
  return [...found].map(([inode, facts]) => ({ inode, ...facts })).sort((a, b) => a.inode - b.inode);
}

/** The path by which the namespace can be entered. Throws PM_NETNS_NOT_FOUND or PM_NETNS_FORBIDDEN. */
export function resolveNetns(ref: NetnsRef, roots: SystemRoots = SYSTEM_ROOTS): string {
  if ("pid" in ref) return resolvePid(ref.pid, roots);
  if ("path" in ref) return resolvePath(ref.path, `no network namespace at ${ref.path}`, roots);
  return resolveName(ref.name, roots);
}

function resolveName(name: string, roots: SystemRoots): string {
  const known = mountedNamespaces(roots);
  const match = known.find((each) => each.name === name);
  if (match !== undefined) return match.path;
  const names = known.map((each) => each.name);
  const list = names.length === 0 ? "there are no named ones here" : `the named ones here: ${names.join(", ")}`;
  throw new PortmortemError("PM_NETNS_NOT_FOUND", `no network namespace is called ${JSON.stringify(name)}`, {
    hint: `${list}; a container's is given by a pid in it`,
  });
}

function resolvePid(pid: number, roots: SystemRoots): string {
  if (statSync(`${roots.proc}/${pid}`, { throwIfNoEntry: false }) === undefined) {
    throw new PortmortemError("PM_NETNS_NOT_FOUND", `no process has the pid ${pid}`, {
      errno: "ESRCH",
      hint: "give a running process' pid",
    });
  }
  return resolvePath(`${roots.proc}/${pid}/ns/net`, `process ${pid} has ended`, roots);
}

function resolvePath(path: string, missing: string, roots: SystemRoots): string {
  let inode: number | undefined;
  try {
    inode = namespaceInode(path, roots);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EACCES" || errno === "EPERM") {
      throw new PortmortemError(
        "PM_NETNS_FORBIDDEN",
        `the network namespace at ${path} may not be looked at: ${errno}`,
        {
          errno,
          hint: "it belongs to another user: run it with sudo",
          cause: error,
        },
      );
    }
    throw new PortmortemError("PM_NETNS_NOT_FOUND", `${missing}: ${errno}`, {
      errno,
      hint: "give a name of `ip netns`, a path or a pid",
      cause: error,
    });
  }
  if (inode === undefined) {
    throw new PortmortemError("PM_NETNS_NOT_FOUND", `${path} is not a network namespace`, {
      hint: "such a path looks like /run/netns/NAME or /proc/PID/ns/net",
    });
  }
  return path;
}

function mountedNamespaces(roots: SystemRoots): Mounted[] {
  const found: Mounted[] = [];
  for (const directory of [`${roots.run}/netns`, `${roots.run}/docker/netns`]) {
    for (const name of namesIn(directory)) {
      const path = `${directory}/${name}`;
      try {
        const inode = namespaceInode(path, roots);
        if (inode !== undefined) found.push({ name, path, inode });
      } catch {
        // Gone meanwhile, or not ours to look at.
      }
    }
  }
  return found;
}

/**
 * The number of the namespace at a path; undefined for what is none. All namespaces lie on one device of the kernel's own (nsfs); a name
 * whose mount is gone is an empty file on another one. A link of /proc tells its kind besides: the same device holds the other kinds.
 */
function namespaceInode(path: string, roots: SystemRoots): number | undefined {
  const stats = statSync(path);
  const own = statSync(`${roots.proc}/self/ns/net`, { throwIfNoEntry: false });
  if (own !== undefined && stats.dev !== own.dev) return undefined;
  const link = linkText(path);
  return link !== undefined && /^\w+:\[\d+\]$/.test(link) && !link.startsWith("net:[") ? undefined : stats.ino;
}

function linkText(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
