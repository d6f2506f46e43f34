/** `ls`: the sockets of a host, one by one as they come, as a list with their owners, or counted. */
import { PortmortemError } from "../base/errors.ts";
import type { Host, SocketBatch } from "../host/host.ts";
import { hasTerm, needsOwners, termsOf } from "../tcp/filter/filter-facts.ts";
import type { Filter } from "../tcp/filter/filter.ts";
import { formatFilter } from "../tcp/filter/format-filter.ts";
import { createMatcher } from "../tcp/filter/match-filter.ts";
import type { Matcher } from "../tcp/filter/match-filter.ts";
import { withUdpStates } from "../tcp/filter/udp-states.ts";
import type { Incomplete, Ownerless, Protocol, Socket } from "../tcp/socket.ts";
import { createSocketRow } from "../tcp/socket-row.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import { ALL_STATES, STATE_GROUPS, maskHas, maskOf } from "../tcp/states.ts";
import type { StateMask } from "../tcp/states.ts";
import { traceOwners } from "./describe-owners.ts";
import { describeDump, listeningPorts, openDump } from "./dump.ts";
import { requireDevice, requireUser } from "./known-names.ts";
import type { Progress } from "./progress.ts";

export interface ListRequest {
  readonly protocols: readonly Protocol[];
  /** Left out: those that the filter names, or all but the bound-only ones, which cost the kernel a walk of their own. */
  readonly states?: StateMask;
  /** Only what waits for others: TCP listeners, and UDP sockets without a peer (ss -l). */
  readonly listening?: boolean;
  readonly filter?: Filter;
  readonly owners: boolean;
  readonly details: boolean;
  /** Say cgroups by their paths too, which costs a walk of their tree. */
  readonly cgroupPaths?: boolean;
  /** As for DumpRequest. */
  readonly anyOrder?: boolean;
  readonly progress?: Progress;
}

export interface SocketList {
  readonly sockets: Socket[];
  readonly incomplete: readonly Incomplete[];
}

function statesFor(request: ListRequest, protocol: Protocol, filter: Filter | undefined): StateMask {
  if (request.listening === true) return protocol === "udp" ? maskOf("BOUND") : maskOf("LISTEN");
  return request.states ?? (protocol === "udp" ? ALL_STATES : defaultStates(filter));
}

/** The states to ask for: bound-only sockets only where somebody names them. */
export function defaultStates(filter: Filter | undefined): StateMask {
  const named =
    filter !== undefined && termsOf(filter).some((term) => term.kind === "states" && maskHas(term.mask, "BOUND"));
  return named ? ALL_STATES : STATE_GROUPS["all"]!;
}

export async function listSockets(host: Host, request: ListRequest, signal?: AbortSignal): Promise<SocketList> {
  const traced = request.owners || (request.filter !== undefined && needsOwners(request.filter));
  if (!traced) {
    const sockets: Socket[] = [];
    return { sockets, incomplete: eachSocket(host, request, (socket) => sockets.push(socket), signal) };
  }
  // A filter that names owners can be judged only once they are known; until then the kernel's share of it narrows what has to be traced.
  const candidates: Socket[] = [];
  const incomplete = [...eachSocket(host, request, (socket) => candidates.push(socket), signal)];
  const narrowed = request.filter !== undefined || request.states !== undefined || request.listening === true;
  const listening =
    narrowed && candidates.some(isPerhapsUnaccepted)
      ? listeningPorts(host)
      : new Set(candidates.filter(({ state }) => state === "LISTEN").map(({ local }) => local.port));
  const owners = await traceOwners(host, {
    must: candidates,
    listeningPorts: listening,
    ...(request.progress === undefined ? {} : { progress: request.progress }),
  });
  incomplete.push(...owners.incomplete);
  const named = candidates.map((socket) =>
    request.cgroupPaths === true ? withCgroupPath(host, owners.of(socket)) : owners.of(socket),
  );
  if (request.filter === undefined || !needsOwners(request.filter)) return { sockets: named, incomplete };
  const tcp = createMatcher(request.filter, matchContext(host));
  const udp = createMatcher(withUdpStates(request.filter), matchContext(host));
  return { sockets: named.filter((socket) => (socket.protocol === "udp" ? udp(socket) : tcp(socket))), incomplete };
}

function isPerhapsUnaccepted(socket: Socket): boolean {
  return socket.inode === undefined && (socket.state === "ESTABLISHED" || socket.state === "CLOSE-WAIT");
}

function withCgroupPath(host: Host, socket: Socket): Socket {
  const path = socket.cgroupId === undefined ? undefined : host.cgroupPath(socket.cgroupId);
  return path === undefined ? socket : { ...socket, cgroup: path };
}

export function matchContext(host: Host): Parameters<typeof createMatcher>[1] {
  return {
    interfaceIndex: (name) => host.interfaces().find((device) => device.name === name)?.index,
    cgroupId: (path) => host.cgroupId(path),
  };
}

/** Every socket that the request asks for, as it comes from the kernel, without owners. Answers what could not be seen. */
export function eachSocket(
  host: Host,
  request: ListRequest,
  visit: (socket: Socket) => void,
  signal?: AbortSignal,
): Incomplete[] {
  return eachBatch(host, request, signal, (batch, matches) => {
    for (let index = 0; index < batch.length; index++) {
      const socket = batch.socketAt(index);
      if (matches === undefined || matches(socket)) visit(socket);
    }
  });
}

/** The same, as places in the batch: for whoever wants no more than a look at each, or hands them on as they are. */
export function eachPlace(
  host: Host,
  request: ListRequest,
  visit: (batch: SocketBatch, index: number) => void,
  signal?: AbortSignal,
): Incomplete[] {
  return eachBatch(host, request, signal, (batch, matches) => {
    for (let index = 0; index < batch.length; index++)
      if (matches === undefined || matches(batch.socketAt(index))) visit(batch, index);
  });
}

/** The same, as rows where the host has them: for a hundred thousand sockets that are only looked at. */
export function eachRow(
  host: Host,
  request: ListRequest,
  visit: { readonly row: (row: SocketRow) => void; readonly socket: (socket: Socket) => void },
  signal?: AbortSignal,
): Incomplete[] {
  const row = createSocketRow("tcp");
  return eachBatch(host, request, signal, (batch, matches) => {
    for (let index = 0; index < batch.length; index++) {
      if (matches === undefined && batch.rowAt?.(index, row) === true) visit.row(row);
      else {
        const socket = batch.socketAt(index);
        if (matches === undefined || matches(socket)) visit.socket(socket);
      }
    }
  });
}

export type CountKey = "state" | "port" | "peer" | "process";

export interface SocketCount {
  readonly key: string;
  readonly count: number;
  /** By process: whose they are, or why nobody was found. */
  readonly owner?: { readonly command: string; readonly pid: number };
  readonly ownerless?: Ownerless;
}

export interface SocketCounts {
  readonly counts: readonly SocketCount[];
  readonly total: number;
  readonly incomplete: readonly Incomplete[];
}

/** How many sockets by state, local port, peer's address or process, the most first. */
export async function countSockets(
  host: Host,
  request: ListRequest,
  by: CountKey,
  signal?: AbortSignal,
): Promise<SocketCounts> {
  const counts = new Map<string, { count: number; readonly first?: Socket }>();
  const add = (key: string, first?: Socket, count = 1): void => {
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { count, ...(first === undefined ? {} : { first }) });
    else known.count += count;
  };
  let incomplete: readonly Incomplete[];
  if (by === "process" || (request.filter !== undefined && needsOwners(request.filter))) {
    const list = await listSockets(host, { ...request, owners: true }, signal);
    for (const socket of list.sockets) add(keyOf(socket, by), socket);
    incomplete = list.incomplete;
  } else if (by === "state") {
    // The fast lane: a state is one byte of the kernel's answer, and nothing else of it is decoded.
    const byState = new Map<string, number>();
    incomplete = eachBatch(host, request, signal, (batch, matches) => {
      for (let index = 0; index < batch.length; index++) {
        if (matches !== undefined && !matches(batch.socketAt(index))) continue;
        const state = batch.stateAt(index);
        byState.set(state, (byState.get(state) ?? 0) + 1);
      }
    });
    for (const [state, count] of byState) add(state, undefined, count);
  } else incomplete = eachSocket(host, request, (socket) => add(keyOf(socket, by)), signal);
  const sorted = [...counts]
    .map(([key, { count, first }]) => ({ key, count, ...(by === "process" ? ownerOf(first) : {}) }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
  return { counts: sorted, total: sorted.reduce((sum, { count }) => sum + count, 0), incomplete };
}

function ownerOf(socket: Socket | undefined): Pick<SocketCount, "owner" | "ownerless"> {
  const owner = socket?.owners?.[0];
  if (owner !== undefined) return { owner: { command: owner.command, pid: owner.pid } };
  return { ownerless: socket?.ownerless ?? "unknown" };
}

function keyOf(socket: Socket, by: CountKey): string {
  switch (by) {
    case "state":
      return socket.state;
    case "port":
      return String(socket.local.port);
    case "peer":
      return socket.remote?.address ?? "none";
    case "process": {
      const owner = socket.owners?.[0];
      return owner === undefined ? `(${socket.ownerless ?? "unknown"})` : `${owner.command}[${owner.pid}]`;
    }
  }
}

/** `matches` is there when the kernel could not apply the whole filter; a part about owners is left to who knows them. */
function eachBatch(
  host: Host,
  request: ListRequest,
  signal: AbortSignal | undefined,
  visit: (batch: SocketBatch, matches: Matcher | undefined) => void,
): Incomplete[] {
  if (request.filter !== undefined) refuseUnknowable(host, request.filter);
  const incomplete: Incomplete[] = [];
  let read = 0;
  for (const protocol of request.protocols) {
    const filter = request.filter !== undefined && protocol === "udp" ? withUdpStates(request.filter) : request.filter;
    const judged = filter === undefined || needsOwners(filter) ? undefined : createMatcher(filter, matchContext(host));
    const dump = openDump(host, {
      protocol,
      states: statesFor(request, protocol, filter),
      ...(filter === undefined ? {} : { filter }),
      ...(request.details ? { details: true } : {}),
      ...(request.anyOrder === true ? { anyOrder: true } : {}),
    });
    for (const batch of dump) {
      signal?.throwIfAborted();
      read += batch.length;
      request.progress?.(read, "sockets");
      visit(batch, dump.summary.exactFilter ? undefined : judged);
    }
    for (const item of describeDump(host, dump.summary)) {
      if (!incomplete.some(({ what, why }) => what === item.what && why === item.why)) incomplete.push(item);
    }
  }
  return incomplete;
}

/** A condition on what cannot be seen would silently match everything or nothing. */
function refuseUnknowable(host: Host, filter: Filter): void {
  const source = host.socketSource();
  const blind = termsOf(filter).find(
    ({ kind }) => kind === "autobound" || kind === "device" || kind === "mark" || kind === "cgroup",
  );
  if (source.kind === "procfs" && blind !== undefined) {
    throw new PortmortemError(
      "PM_UNKNOWABLE_FILTER",
      `the filter "${formatFilter(blind)}" cannot be judged from /proc/net: ${source.why}`,
      {
        hint: source.hint,
      },
    );
  }
  for (const term of termsOf(filter)) {
    if (term.kind === "user") requireUser(host, term.user);
    if (term.kind === "device" && !/^\d+$/.test(term.device)) requireDevice(host, term.device);
  }
  // The kernel shows marks to CAP_NET_ADMIN only: without it every socket would seem to have none.
  if (!hasTerm(filter, "mark") || host.rights().netAdmin.answer !== "no") return;
  throw new PortmortemError(
    "PM_NEEDS_NET_ADMIN",
    "a filter with fwmark needs CAP_NET_ADMIN: without it the kernel shows no marks",
    { errno: "EPERM", hint: "run it with sudo" },
  );
}
