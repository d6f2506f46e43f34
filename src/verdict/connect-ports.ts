/** Each local port of the range in its class: what the kernel would do with it for the connection in question. Pure. */
import type { ConnectSnapshot, PortFacts } from "../tcp/connect-snapshot.ts";
import { parseSysctlPortList } from "../tcp/sysctl-values.ts";
import { judgeReuse, reusableInMs } from "./time-wait-reuse.ts";
import type { TimeWaitReuse } from "./time-wait-reuse.ts";
import type { ConnectAttempt, PortCounts } from "./why-connect.ts";

export type PortClass = Exclude<keyof PortCounts, "total" | "usable">;

export interface ClassifiedPorts {
  readonly counts: PortCounts;
  /** Every TIME-WAIT to the peer, whatever class its port is in. */
  readonly timeWaits: number;
  readonly nextInMs?: number;
  readonly lastInMs?: number;
  /** The only usable port may be the one that the kernel passes over. */
  readonly lastMayBeMissed: boolean;
  /** A port among the shared ones that connect() has shared before. */
  readonly sharedBefore: boolean;
  /** Ports that bind() of the address with port 0 can get. */
  readonly bindFirst: number;
}

/** What connect() or bind() says, where it is not ok. */
export interface Refusal {
  readonly errno: string;
  readonly step: "socket" | "bind" | "connect";
}

export interface ConnectVerdict {
  readonly connectable: boolean | undefined;
  readonly refusal?: Refusal;
  readonly classes: ClassifiedPorts | undefined;
  readonly reuse: TimeWaitReuse;
  readonly attempts: readonly ConnectAttempt[];
}

/** Undefined where the range is not known. */
export function classifyPorts(snapshot: ConnectSnapshot): ClassifiedPorts | undefined {
  const { inForce, settings } = snapshot;
  if (inForce === undefined) return undefined;
  const { first, last } = inForce.range;
  const counts: Record<PortClass, number> = {
    free: 0,
    shared: 0,
    reusable: 0,
    timeWait: 0,
    finWait2: 0,
    connected: 0,
    held: 0,
    reserved: 0,
    privileged: 0,
    undetermined: 0,
  };
  const reuse = judgeReuse(snapshot);
  const reserved = parseSysctlPortList(settings.reservedPorts) ?? [];
  const isReserved = (port: number): boolean => reserved.some((range) => port >= range.first && port <= range.last);
  const classOf = inForce.choice === "connect" ? classOfChosen : classOfBound;
  let timeWaits = 0;
  let nextInMs: number | undefined;
  let lastInMs: number | undefined;
  let bindFirst = 0;
  let sharedBefore = false;
  let lastUsable = 0;
  let at = 0;
  for (let port = first; port <= last; port++) {
    while (at < snapshot.ports.length && snapshot.ports[at]!.port < port) at++;
    const known = snapshot.ports[at];
    const facts = known?.port === port ? known : undefined;
    const skipped = inForce.choice === "connect" && reserved.length > 0 && isReserved(port);
    const kind = skipped ? "reserved" : classOf(snapshot, port, facts, reuse);
    counts[kind]++;
    if (kind === "shared" && facts?.chosenAtConnect === true) sharedBefore = true;
    if (kind === "free" || kind === "shared" || kind === "reusable") lastUsable = port;
    if (facts?.overlap !== "yes" && !skipped) bindFirst++;
    const peer = facts?.toPeer;
    if (peer?.state === "TIME-WAIT") timeWaits++;
    if (peer?.endsInMs === undefined || (kind !== "timeWait" && kind !== "finWait2")) continue;
    // A bind() that this TIME-WAIT stops is stopped until its end.
    const reusable =
      kind === "timeWait" && inForce.choice === "connect" ? reusableInMs(peer.endsInMs, reuse) : undefined;
    const inMs = reusable ?? peer.endsInMs;
    nextInMs = Math.min(nextInMs ?? inMs, inMs);
    lastInMs = Math.max(lastInMs ?? inMs, inMs);
  }
  const usable = counts.free + counts.shared + counts.reusable;
  return {
    counts: { total: last - first + 1, usable, ...counts },
    timeWaits,
    lastMayBeMissed: usable === 1 && missesOne(snapshot) && (lastUsable - first) % 2 === 0,
    ...(nextInMs === undefined ? {} : { nextInMs }),
    ...(lastInMs === undefined ? {} : { lastInMs }),
    sharedBefore,
    bindFirst,
  };
}

/**
 * Over a range of an odd number of ports the kernel goes in pairs, and leaves one out of those with the first one's parity: which one hangs on
 * a hash of the connection that only moves on when a connection is made (__inet_hash_connect). Over IP_LOCAL_PORT_RANGE it goes one by one.
 */
function missesOne({ inForce, question }: ConnectSnapshot): boolean {
  if (inForce?.choice !== "connect" || question.ports !== undefined) return false;
  const { first, last } = inForce.range;
  return last > first && (last - first) % 2 === 0;
}

/** The kernel chooses at connect() (__inet_hash_connect): first the port's bucket, then the four addresses and ports. */
function classOfChosen(
  _snapshot: ConnectSnapshot,
  _port: number,
  facts: PortFacts | undefined,
  reuse: TimeWaitReuse,
): PortClass {
  if (facts === undefined) return "free";
  const { toPeer } = facts;
  if (facts.explicit) return "held";
  if (toPeer !== undefined && toPeer.endsInMs === undefined) return "connected";
  if (toPeer?.state === "FIN-WAIT-2") return "finWait2";
  if (toPeer !== undefined) {
    const inMs = reusableInMs(toPeer.endsInMs ?? 0, reuse);
    if (reuse.helps === undefined) return "undetermined";
    if (inMs !== 0) return "timeWait";
    return facts.doubtful ? "undetermined" : "reusable";
  }
  return facts.doubtful ? "undetermined" : "shared";
}

/** The program asks for the port in bind(): what the bind meets, then the four addresses and ports. */
function classOfBound(
  snapshot: ConnectSnapshot,
  port: number,
  facts: PortFacts | undefined,
  reuse: TimeWaitReuse,
): PortClass {
  if (isForbidden(snapshot, port)) return "privileged";
  const passes = bindPasses(snapshot, facts);
  if (facts === undefined) return passes === false ? "held" : "free";
  const { toPeer } = facts;
  if (toPeer === undefined) return passes === undefined ? "undetermined" : passes ? "shared" : "held";
  if (toPeer.endsInMs === undefined) return "connected";
  // Without a port of its own to compare, the orphan in FIN-WAIT-2 is as good as a TIME-WAIT here.
  const stays = toPeer.state === "FIN-WAIT-2" ? "finWait2" : "timeWait";
  if (passes === false || reuse.helps === false) return stays;
  return passes === undefined || reuse.helps === undefined ? "undetermined" : "reusable";
}

/** Undefined: it hangs on what another socket has set, SO_REUSEADDR or IPV6_V6ONLY. */
export function bindPasses(
  { binds, question }: ConnectSnapshot,
  facts: PortFacts | undefined,
  reuseAddr: boolean = question.reuseAddr,
): boolean | undefined {
  const probed = binds.find((bind) => bind.reuseAddr === reuseAddr);
  if (probed !== undefined) return probed.result === "ok";
  if (facts === undefined || facts.overlap === "no") return true;
  return facts.overlap === "perhaps" || (reuseAddr && !facts.listens) ? undefined : false;
}

/** Unknown rights are taken for given: the answer then says what the port itself does. */
export function isForbidden({ settings }: ConnectSnapshot, port: number): boolean {
  return settings.mayBindPrivileged === false && port < (settings.unprivilegedPortStart ?? 0);
}
