/** What `drop` would act on: every connection that the filter matches, sorted by what can be said of it. Gathers, does nothing. */
import { PortmortemError } from "../base/errors.ts";
import type { HostActions, TargetList } from "../host/actions.ts";
import type { Host, Rights, SocketBatch } from "../host/host.ts";
import type { DropClass, DropGroup } from "../tcp/drop-plan.ts";
import { hasTerm, needsOwners } from "../tcp/filter/filter-facts.ts";
import type { Filter } from "../tcp/filter/filter.ts";
import { createMatcher } from "../tcp/filter/match-filter.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { createSocketRow } from "../tcp/socket-row.ts";
import { traceAutobound } from "./autobound.ts";
import { traceOwners } from "./describe-owners.ts";
import { listeningPorts } from "./dump.ts";
import { defaultStates, eachPlace, eachSocket, matchContext } from "./list-sockets.ts";
import type { ListRequest } from "./list-sockets.ts";
import { PeerTally } from "./peer-ports.ts";
import type { Progress } from "./progress.ts";

export interface DropQuestion {
  readonly filter: Filter;
  /** No more than this many are taken; all are counted. */
  readonly limit?: number;
  /** A descriptor is needed for what is asked: search for whoever holds the connections, however many they are. */
  readonly byDescriptor: boolean;
  readonly progress?: Progress;
}

export interface CandidateGroup extends DropGroup {
  /** Those that no program holds. */
  readonly targets: TargetList;
  /** Those that a program holds, with their owners where these were searched for. */
  readonly held: readonly Socket[];
}

export interface DropCandidates {
  /** Connections that match, taken or not. */
  readonly matched: number;
  readonly groups: readonly CandidateGroup[];
  readonly listeners: Spared;
  readonly bound: Spared;
  readonly peers: PeerTally;
  readonly rights: Pick<Rights, "sockDestroy">;
  readonly incomplete: readonly Incomplete[];
  /** The request once more, to see what is left. */
  readonly request: ListRequest;
}

interface Spared {
  readonly count: number;
  readonly socket?: Socket;
}

/** For fewer their programs are always named. */
const MOST_TRACED = 256;

/** Throws PM_UNKNOWABLE_FILTER, and what `ls` throws for a filter that cannot be judged here. */
export async function gatherDropCandidates(
  host: Host,
  actions: HostActions,
  question: DropQuestion,
  signal?: AbortSignal,
): Promise<DropCandidates> {
  const request: ListRequest = {
    protocols: ["tcp"],
    states: defaultStates(question.filter),
    filter: question.filter,
    owners: false,
    details: false,
    anyOrder: true,
    ...(question.progress === undefined ? {} : { progress: question.progress }),
  };
  const sorter = new Sorter(host, actions, question.limit ?? Infinity);
  const incomplete =
    needsOwners(question.filter) || hasTerm(question.filter, "autobound")
      ? await sortExactly(host, request, question.filter, sorter, signal)
      : eachPlace(host, request, (batch, index) => sorter.place(batch, index), signal);
  const groups = sorter.groups();
  const held = groups.flatMap((group) => group.held);
  const traced =
    held.length > 0 && held[0]?.owners === undefined && (question.byDescriptor || held.length <= MOST_TRACED)
      ? await traceOwners(host, {
          must: held,
          listeningPorts: new Set(),
          ...(question.progress === undefined ? {} : { progress: question.progress }),
        })
      : undefined;
  return {
    matched: sorter.matched,
    groups: traced === undefined ? groups : groups.flatMap((group) => splitByOwner(group, traced.of)),
    listeners: sorter.listeners,
    bound: sorter.bound,
    peers: sorter.peers,
    rights: host.rights(),
    incomplete: [...incomplete, ...(traced?.incomplete ?? [])],
    request,
  };
}

/** One group for each program, and one for each reason why none was found. */
function splitByOwner(group: CandidateGroup, ownersOf: (socket: Socket) => Socket): CandidateGroup[] {
  const { class: kind, state, targets } = group;
  if (group.held.length === 0) return [group];
  const parts = new Map<string, Socket[]>();
  for (const socket of group.held.map(ownersOf)) {
    const key = String(socket.owners?.[0]?.pid ?? socket.ownerless);
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [socket]);
    else part.push(socket);
  }
  return [...parts.values()].map((held) => ({
    class: kind,
    state,
    targets,
    held,
    socket: held[0]!,
    count: held.length,
  }));
}

/**
 * Where the kernel cannot judge the whole filter, a part of it lets everything through: harmless for looking, not for acting. Owners are
 * searched for, who chose a port is asked for, and what remains unknown is left alone.
 */
async function sortExactly(
  host: Host,
  request: ListRequest,
  filter: Filter,
  sorter: Sorter,
  signal: AbortSignal | undefined,
): Promise<Incomplete[]> {
  const autobound = hasTerm(filter, "autobound") ? requireAutobound(host, request) : undefined;
  const candidates: Socket[] = [];
  const incomplete = eachSocket(host, request, (socket) => candidates.push(socket), signal);
  let named: (socket: Socket) => Socket = (socket) => socket;
  if (needsOwners(filter)) {
    const owners = await traceOwners(host, {
      must: candidates,
      listeningPorts: listeningPorts(host),
      ...(request.progress === undefined ? {} : { progress: request.progress }),
    });
    named = owners.of;
    incomplete.push(...owners.incomplete);
  }
  const matches = createMatcher(filter, {
    ...matchContext(host),
    ...(autobound === undefined ? {} : { autobound }),
  });
  for (const candidate of candidates) {
    if (autobound !== undefined && autobound(candidate) === undefined) continue;
    const socket = named(candidate);
    if (matches(socket)) sorter.socket(socket);
  }
  return incomplete;
}

function requireAutobound(host: Host, { states }: ListRequest): (socket: Socket) => boolean | undefined {
  const autobound = traceAutobound(host, states ?? 0);
  if (autobound !== undefined) return autobound;
  throw new PortmortemError("PM_UNKNOWABLE_FILTER", "this kernel does not tell which ports were chosen by it", {
    hint: "leave autobound out of the filter",
  });
}

interface Gathering {
  readonly class: DropClass;
  readonly state: Socket["state"];
  count: number;
  readonly socket: Socket;
  readonly targets: TargetList;
  readonly held: Socket[];
  endsInMs?: number;
}

function countIn(group: Gathering, endsInMs: number | undefined): void {
  group.count++;
  if (endsInMs !== undefined && endsInMs > (group.endsInMs ?? -1)) group.endsInMs = endsInMs;
}

class Sorter {
  matched = 0;
  listeners: Spared = { count: 0 };
  bound: Spared = { count: 0 };
  readonly peers: PeerTally;
  readonly #actions: HostActions;
  readonly #limit: number;
  readonly #groups = new Map<string, Gathering>();
  readonly #row = createSocketRow("tcp");
  #last: Gathering | undefined;

  constructor(host: Host, actions: HostActions, limit: number) {
    this.#actions = actions;
    this.#limit = limit;
    this.peers = new PeerTally(host);
  }

  /** The fast lane: a socket that nobody holds is taken as the kernel showed it, and never becomes an object. */
  place(batch: SocketBatch, index: number): void {
    const row = this.#row;
    const fast = batch.rowAt?.(index, row) === true;
    if (!fast || row.inode !== 0 || row.remoteAddress === undefined) {
      this.socket(batch.socketAt(index));
      return;
    }
    if (!this.#counts()) return;
    // Most come in long rows of one kind.
    let group = this.#last;
    const kind = classOf(row.state, false, row.timer);
    if (group?.class !== kind || group.state !== row.state)
      this.#last = group = this.#group(kind, row.state, batch.socketAt(index));
    this.peers.add(row.localAddress, row.localPort, row.remoteAddress, row.remotePort);
    if (group.targets.addFrom(batch, index)) countIn(group, row.timer === "time-wait" ? row.remainingMs : undefined);
  }

  socket(socket: Socket): void {
    const { state, local, remote, family, cookie } = socket;
    if (state === "LISTEN") this.listeners = { socket, ...this.listeners, count: this.listeners.count + 1 };
    else if (state === "BOUND" || state === "CLOSED" || remote === undefined)
      this.bound = { socket, ...this.bound, count: this.bound.count + 1 };
    else if (this.#counts()) {
      const held = socket.inode !== undefined;
      const group = this.#group(classOf(state, held, socket.timer?.kind), state, socket, socket.owners?.[0]?.pid);
      this.peers.add(local.address, local.port, remote.address, remote.port);
      if (held) group.held.push(socket);
      else {
        const near = { address: local.address, port: local.port };
        const taken =
          cookie !== undefined &&
          group.targets.add({ family, local: near, remote, interface: local.interface, cookie });
        if (!taken) return;
      }
      countIn(group, socket.timer?.kind === "time-wait" ? socket.timer.remainingMs : undefined);
    }
  }

  groups(): CandidateGroup[] {
    return [...this.#groups.values()].filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  }

  /** Counts a connection; false when the limit is reached. */
  #counts(): boolean {
    return this.matched++ < this.#limit;
  }

  #group(kind: DropClass, state: Socket["state"], example: Socket, pid?: number): Gathering {
    const key = `${kind}|${state}|${pid ?? ""}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { class: kind, state, count: 0, socket: example, targets: this.#actions.targets(), held: [] };
      this.#groups.set(key, group);
    }
    return group;
  }
}

function classOf(state: Socket["state"], held: boolean, timer: string | undefined): DropClass {
  if (held) return "held";
  switch (state) {
    case "TIME-WAIT":
      return "time-wait";
    case "FIN-WAIT-2":
      // With a longer tcp_fin_timeout it is a whole socket at first, with a keepalive timer.
      return timer === "time-wait" ? "fin-wait-2" : "orphan";
    case "FIN-WAIT-1":
    case "LAST-ACK":
    case "CLOSING":
      return "orphan";
    default:
      return "unheld";
  }
}
