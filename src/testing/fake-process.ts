/** What a described process tells of itself and of its descriptors. */
import type { DescriptorLimit, HeldSocketOptions, ProcessFacts, ProcessSummary, SocketFds } from "../host/host.ts";
import type { LivingProcess } from "./fake-world.ts";

export function summaryOf({ facts, netns, fdCount, readable }: LivingProcess): ProcessSummary {
  // The link behind the namespace takes the same right as the descriptors.
  return { pid: facts.pid, ...(readable ? { netns } : {}), uid: facts.uid, fdCount };
}

export function factsOf({ facts, netns, readable }: LivingProcess): ProcessFacts {
  return {
    pid: facts.pid,
    parentPid: facts.parentPid ?? 1,
    processGroup: facts.processGroup ?? facts.pid,
    ...(facts.sessionId === undefined ? {} : { sessionId: facts.sessionId }),
    command: facts.command,
    args: facts.args ?? [facts.command],
    state: facts.state ?? "S",
    startTicks: facts.startTicks,
    ...(facts.startedAtMs === undefined ? {} : { startedAtMs: facts.startedAtMs }),
    uid: facts.uid,
    ...(facts.cgroup === undefined ? {} : { cgroup: facts.cgroup }),
    ...(facts.unit === undefined ? {} : { unit: facts.unit }),
    ...(facts.container === undefined
      ? {}
      : { container: { runtime: facts.container.runtime, id: facts.container.id } }),
    ...(readable ? { netns } : {}),
  };
}

export function descriptorLimitOf(living: LivingProcess | undefined): DescriptorLimit | undefined {
  return living === undefined ? undefined : (living.facts.descriptorLimit ?? { soft: 1024, hard: 524_288 });
}

export function environmentOf(
  living: LivingProcess | undefined,
  names: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (living?.readable !== true) return undefined;
  const { environment = {} } = living.facts;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => names.includes(name)));
}

export function descriptorCountOf(living: LivingProcess | undefined, atLeast: number): number | undefined {
  return living?.readable === true && living.fdCount >= atLeast ? living.fdCount : undefined;
}

/** Ancestors, the parent first, and descendants. */
export function relativesOf(pid: number, processes: ReadonlyMap<number, LivingProcess>): readonly number[] | undefined {
  if (!processes.has(pid)) return undefined;
  const parentOf = (child: number): number => processes.get(child)?.facts.parentPid ?? 1;
  const ancestorsOf = (child: number): number[] =>
    child === 1 || !processes.has(child) ? [] : [parentOf(child), ...ancestorsOf(parentOf(child))];
  const descendants = [...processes.keys()].filter((other) => ancestorsOf(other).includes(pid));
  return [...ancestorsOf(pid), ...descendants];
}

/** Those below a number, from another on; or all. */
export function fdsOf(living: LivingProcess, below?: number, from = 0): SocketFds {
  const complete = below === undefined || (living.fdCount <= below && from === 0);
  const fds = [...living.fds]
    .filter(([fd]) => complete || (fd >= from && fd < below))
    .map(([fd, { socket }]) => ({ fd, inode: socket.inode! }));
  return { fds: fds.sort((a, b) => a.fd - b.fd), complete };
}

export function optionsOf(living: LivingProcess, fd: number): HeldSocketOptions {
  const held = living.fds.get(fd);
  if (held === undefined) return { errno: "EBADF" };
  const { cookie, family, state, local } = held.socket;
  // A bind to one IPv6 address is V6ONLY whatever was set (__inet6_bind).
  const forced = (state === "LISTEN" || state === "BOUND") && local.address !== "::";
  const v6only = family === "ipv6" ? (held.socket.v6only ?? forced) : undefined;
  return {
    reuseAddr: held.reuseAddr,
    reusePort: held.reusePort,
    ...(v6only === undefined ? {} : { v6only }),
    ...(cookie === undefined ? {} : { cookie }),
  };
}
