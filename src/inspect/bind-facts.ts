/** What verdict/judge-bind.ts is given: all that bears on a bind to one port, gathered from a host. Gathers, judges nothing. */
import type { BindAttempt, Host, HeldSocketOptions } from "../host/host.ts";
import { attemptOptions } from "../tcp/bind-snapshot.ts";
import type { Attempt, BindQuestion, BindSnapshot, PortHolder, SparedGroup } from "../tcp/bind-snapshot.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { allOf, anyOf, portRange } from "../tcp/filter/filter.ts";
import { ALL_STATES, maskOf } from "../tcp/states.ts";
import { findElsewhere } from "./elsewhere.ts";
import { gatherBindSettings } from "./bind-settings.ts";
import { traceOwners } from "./describe-owners.ts";
import { autoBoundCookies } from "./auto-bound.ts";
import { describeDump, dumpAll } from "./dump.ts";
import { LocalServers } from "./local-servers.ts";
import type { Progress } from "./progress.ts";

export interface BindRequest extends Omit<BindQuestion, "address"> {
  /** Left out: what Node and most servers bind. */
  readonly address?: string;
  /** Make real binds. */
  readonly probe: boolean;
  /** How a user enters the host's network namespace, "ip netns exec web"; left out for the one that this program is in. */
  readonly enterCommand?: string;
  /** The same, as the user named it. */
  readonly netns?: string;
  readonly progress?: Progress;
}

/** More sockets than this are counted, not traced to their programs: a busy server has tens of thousands of connections on its port. */
const MOST_TRACED = 256;

/** So many connections to the port have their program searched for; the others are named when they turn up. */
const MOST_OTHER_ENDS = 16;

export async function gatherBindFacts(host: Host, request: BindRequest, signal?: AbortSignal): Promise<BindSnapshot> {
  signal?.throwIfAborted();
  const incomplete: Incomplete[] = [];
  const question = settle(host, request);
  const probed = request.probe ? probeAll(host, question, incomplete) : [];
  const blocked = probed.length === 0 || probed.some(({ result }) => result !== "ok");
  const conflict = probed.length === 0 || probed.some(({ result }) => result === "EADDRINUSE");
  const port = question.port;
  const found = collect(host, question, conflict, incomplete);
  const listening = new Set(found.holders.some(({ state }) => state === "LISTEN") ? [port] : []);
  const firm = found.holders.filter(isFirm);
  const loose = found.holders.filter((socket) => !isFirm(socket)).slice(0, MOST_TRACED);
  // Where there is a listener, it is the answer: its connections are traced as far as they turn up on the way. Where there is none and
  // the port is taken, the other ends can be: a peer that does not close keeps a FIN-WAIT-2 alive.
  const others = conflict ? found.connectedTo.slice(0, MOST_OTHER_ENDS) : [];
  const owners = await traceOwners(host, {
    must: listening.size > 0 ? firm : [...firm, ...loose, ...others],
    inPassing: listening.size > 0 ? [...loose, ...found.connectedTo] : found.connectedTo,
    listeningPorts: listening,
    ...(request.progress === undefined ? {} : { progress: request.progress }),
  });
  incomplete.push(...owners.incomplete);
  const holders = found.holders.map(owners.of);
  return {
    question,
    probed,
    holders: conflict
      ? withOrigins(host, question, holders).map((holder) => ({ ...holder, ...heldOptions(host, holder.socket) }))
      : holders.map((socket) => ({ socket })),
    connectedTo: groupConnected(found.connectedTo.map(owners.of), found.connectedCounts),
    elsewhere: await findElsewhere(host, port, question.protocol, holders, incomplete),
    settings: gatherBindSettings(host, question, {
      blocked,
      mayDestroy: conflict && listening.size === 0,
      enterCommand: request.enterCommand,
      netns: request.netns,
    }),
    incomplete,
  };
}

/** The default address is what Node and most servers bind: `::` dual-stack, or `0.0.0.0` where IPv6 is off. */
function settle(host: Host, request: BindRequest): BindQuestion {
  const { probe, enterCommand: _enterCommand, netns: _netns, progress: _progress, ...rest } = request;
  if (request.address !== undefined) return { ...rest, address: request.address };
  return { ...rest, address: hasIpv6(host, request, probe) ? "::" : "0.0.0.0" };
}

function hasIpv6(host: Host, request: BindRequest, probe: boolean): boolean {
  if (probe) {
    const answer = host.probeBind({
      protocol: request.protocol,
      address: "::",
      port: 0,
      v6only: false,
      reuseAddr: false,
      reusePort: false,
    });
    if ("result" in answer) return answer.result !== "EAFNOSUPPORT";
  }
  // The settings of a namespace that is only looked at cannot be read; its addresses can.
  return (
    host.sysctl("net.ipv6.conf.all.disable_ipv6") !== undefined ||
    host.localAddresses().some(({ family }) => family === "ipv6")
  );
}

/** The bind in question, to be made for real. */
export function bindAttempt(question: BindQuestion): BindAttempt {
  const { protocol, address, port, v6only, reuseAddr, reusePort, device, uid } = question;
  return {
    protocol,
    address,
    port,
    v6only,
    reuseAddr,
    reusePort,
    ...(device === undefined ? {} : { device }),
    ...(uid === undefined ? {} : { uid }),
  };
}

function probeAll(host: Host, question: BindQuestion, incomplete: Incomplete[]): Attempt[] {
  const attempts: Attempt[] = [];
  const asked = attemptOptions(question);
  // Without SO_REUSEADDR first: where a bind with SO_REUSEPORT works beside what is left of others, the port remembers it, and lets the next
  // one with SO_REUSEPORT in without a look (inet_csk_update_fastreuse, sk_reuseport_match).
  for (const options of [...asked].sort((a, b) => Number(a.reuseAddr) - Number(b.reuseAddr))) {
    const answer = host.probeBind(bindAttempt({ ...question, ...options }));
    if ("refused" in answer) {
      incomplete.push({ what: "a real bind", why: answer.refused, hint: "the verdict is by the rules alone" });
      return [];
    }
    attempts.push({ ...options, result: answer.result, by: "probe" });
  }
  return attempts.sort(
    (a, b) => Number(b.reuseAddr === question.reuseAddr) - Number(a.reuseAddr === question.reuseAddr),
  );
}

/**
 * How the connections among these came by the port: did they go to a listener of this machine, and did the kernel choose the port for them?
 * The first is a dump of the listeners, 50 µs; the second only the kernel's own filter can tell (INET_DIAG_BC_AUTO).
 */
function withOrigins(host: Host, { protocol, port }: BindQuestion, holders: readonly Socket[]): PortHolder[] {
  const connected = holders.some((socket) => socket.remote !== undefined && socket.inode !== undefined);
  if (protocol !== "tcp" || !connected) return holders.map((socket) => ({ socket }));
  const servers = new LocalServers(
    host,
    host.localAddresses().map(({ address }) => address),
  );
  const chosen = allOf([{ kind: "autobound" }, portRange("local", port, port)]);
  // Beside a listener it is its connections that are chosen, and they go when it goes: not worth another dump.
  const served = holders.some(({ state }) => state === "LISTEN");
  const automatic = served ? undefined : autoBoundCookies(host, ALL_STATES & ~maskOf("BOUND"), chosen);
  return holders.map((socket) => {
    const { remote, cookie } = socket;
    const origin =
      automatic === undefined || cookie === undefined || remote === undefined
        ? {}
        : { autoBound: automatic.has(cookie) };
    return remote === undefined
      ? { socket, ...origin }
      : { socket, ...origin, peerListens: servers.has(remote.address, remote.port) };
  });
}

/** Sockets that hold the port by being there: whoever wants it must know who has them. */
function isFirm(socket: Socket): boolean {
  return socket.state === "LISTEN" || socket.state === "BOUND" || socket.protocol === "udp";
}

interface Found {
  readonly holders: Socket[];
  /** Connected to the port from another; the first ones, to be traced to their programs. */
  readonly connectedTo: Socket[];
  readonly connectedCounts: Map<string, number>;
}

function collect(host: Host, question: BindQuestion, conflict: boolean, incomplete: Incomplete[]): Found {
  const port = question.port;
  const found: Found = { holders: [], connectedTo: [], connectedCounts: new Map() };
  // Bound-only TCP sockets cost the kernel a walk of all bind buckets: only where something is in the way.
  const states = conflict || question.protocol === "udp" ? ALL_STATES : ALL_STATES & ~maskOf("BOUND");
  const filter = anyOf([portRange("local", port, port), portRange("remote", port, port)]);
  const summary = dumpAll(host, { protocol: question.protocol, states, filter }, (socket) => {
    if (socket.local.port === port) found.holders.push(socket);
    else {
      const count = found.connectedCounts.get(socket.state) ?? 0;
      found.connectedCounts.set(socket.state, count + 1);
      // Of each state at least one, however late in the dump: it stands for those that are counted.
      if (count === 0 || found.connectedTo.length < MOST_TRACED) found.connectedTo.push(socket);
    }
  });
  incomplete.push(...describeDump(host, summary));
  return found;
}

/** SO_REUSEADDR and SO_REUSEPORT of a socket that a process holds, where this user may ask. */
function heldOptions(host: Host, socket: Socket): Omit<PortHolder, "socket"> {
  const holder = socket.owners?.[0];
  if (holder === undefined) return {};
  const answer: HeldSocketOptions = host.socketOptions(holder.pid, holder.fd);
  if ("errno" in answer) return {};
  // The descriptor was closed and its number given to another socket in the meantime.
  if (answer.cookie !== undefined && socket.cookie !== undefined && answer.cookie !== socket.cookie) return {};
  const { reuseAddr, reusePort, v6only } = answer;
  const told = v6only === undefined || socket.v6only !== undefined || socket.family === "ipv4" ? {} : { v6only };
  return { reuseAddr, reusePort, optionsBy: "held", ...told };
}

/**
 * One group for each program and state. Of a state in which not everybody was traced one group, which names those that were: a program's
 * sockets are not split by whether they turned up on the way. Where there are too many to trace, nobody is named.
 */
function groupConnected(sample: readonly Socket[], counts: ReadonlyMap<string, number>): SparedGroup[] {
  let total = 0;
  for (const count of counts.values()) total += count;
  if (total > MOST_TRACED) {
    const byState = new Map([...sample].reverse().map((socket) => [socket.state, withoutOwners(socket)]));
    return mostFirst([...byState.values()].map((socket) => ({ socket, count: counts.get(socket.state) ?? 1 })));
  }
  const partly = new Set(sample.filter(isUntraced).map(({ state }) => state));
  const groups = new Map<string, Socket[]>();
  for (const socket of sample) {
    const isFolded = partly.has(socket.state) && socket.inode !== undefined;
    const owners = (socket.owners ?? []).map(({ pid }) => pid).join(",");
    const key = `${socket.state}|${isFolded ? "folded" : `${owners}|${socket.ownerless ?? ""}`}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [socket]);
    else known.push(socket);
  }
  return mostFirst([...groups.values()].map(groupOf));
}

function groupOf(sockets: readonly Socket[]): SparedGroup {
  const count = sockets.length;
  const owners = sockets.some(isUntraced) ? sockets.flatMap((socket) => socket.owners ?? []) : [];
  if (owners.length === 0) return { socket: sockets[0]!, count };
  const someOwners = [...new Map(owners.map((owner) => [owner.pid, owner])).values()];
  return { socket: sockets.find((socket) => socket.owners?.length)!, count, someOwners };
}

/** A program holds it, and nobody has searched until that one was found. */
function isUntraced({ inode, owners }: Socket): boolean {
  return inode !== undefined && owners === undefined;
}

function mostFirst(groups: SparedGroup[]): SparedGroup[] {
  return groups.sort((a, b) => b.count - a.count);
}

function withoutOwners(socket: Socket): Socket {
  const { owners: _owners, ownerless: _ownerless, ...rest } = socket;
  return rest;
}
