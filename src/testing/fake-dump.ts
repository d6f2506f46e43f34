/** A dump of a fake machine's sockets, with the ways of its source: what the kernel filters, what it hides, and batches that do not last. */
import type { DumpRequest, DumpSummary, SocketBatch, SocketDump, SocketSource } from "../host/host.ts";
import { hasTerm, needsOwners } from "../tcp/filter/filter-facts.ts";
import { createMatcher } from "../tcp/filter/match-filter.ts";
import type { MatchContext } from "../tcp/filter/match-filter.ts";
import type { Socket } from "../tcp/socket.ts";
import { maskHas } from "../tcp/states.ts";

export interface DumpedWorld {
  readonly sockets: readonly Socket[];
  readonly source: SocketSource;
  readonly showsBound: boolean;
  readonly ipv6: boolean;
  readonly match: MatchContext;
}

const BATCH = 50;

export function dumpFake(world: DumpedWorld, request: DumpRequest): SocketDump {
  const byKernel = world.source.kind === "sock_diag";
  const hidesBound = request.protocol === "tcp" && !(byKernel && world.showsBound);
  const { filter } = request;
  const asked = { ...request, families: request.families ?? ["ipv4", "ipv6"] } as const;
  const found = world.sockets
    .filter((socket) => isAsked(socket, asked) && !(hidesBound && socket.state === "BOUND"))
    // What a program of the kernel cannot know (owners, and here also who chose the port) it lets pass.
    .filter(filter === undefined || !byKernel || needsOwners(filter) ? () => true : createMatcher(filter, world.match))
    .map((socket) => shown(socket, byKernel, request.details));
  const summary: DumpSummary = {
    exactFilter: filter === undefined || (byKernel && !needsOwners(filter) && !hasTerm(filter, "autobound")),
    interrupted: false,
    malformed: 0,
    failed: world.ipv6 || !asked.families.includes("ipv6") ? [] : [{ family: "ipv6", errno: "ENOENT" }],
    blind: hidesBound && maskHas(request.states, "BOUND") ? ["BOUND"] : [],
  };
  return { summary, [Symbol.iterator]: () => batchesOf(found) };
}

/** As the real one's, a batch is over when the next is asked for; here it says so instead of showing other sockets. */
function* batchesOf(sockets: readonly Socket[]): Generator<SocketBatch, void, undefined> {
  let current = 0;
  for (let start = 0; start < sockets.length; start += BATCH) {
    const from = start;
    current = from;
    const socketAt = (index: number): Socket => {
      if (current !== from) throw new Error("this batch is over: a batch is valid until the next one is asked for");
      const socket = index < BATCH ? sockets[from + index] : undefined;
      if (socket === undefined) throw new RangeError(`there is no socket ${index} in this batch`);
      return socket;
    };
    yield {
      length: Math.min(BATCH, sockets.length - from),
      stateAt: (index) => socketAt(index).state,
      socketAt,
    };
  }
}

function isAsked(socket: Socket, request: DumpRequest): boolean {
  return (
    socket.protocol === request.protocol &&
    request.families?.includes(socket.family) === true &&
    maskHas(request.states, socket.state) &&
    (request.localPort === undefined || request.localPort === socket.local.port) &&
    (request.remotePort === undefined || request.remotePort === socket.remote?.port)
  );
}

function shown(socket: Socket, byKernel: boolean, details: DumpRequest["details"]): Socket {
  if (byKernel) {
    if (details === true) return socket;
    const { info, memory: _memory, congestion: _congestion, ...rest } = socket;
    return details === "tcp_info" && info !== undefined ? { ...rest, info } : rest;
  }
  const { protocol, family, state, local, remote, queues, timer, uid, inode } = socket;
  return {
    protocol,
    family,
    state,
    local: { address: local.address, port: local.port },
    ...(remote === undefined ? {} : { remote }),
    ...(queues === undefined ? {} : { queues: "accepting" in queues ? { accepting: queues.accepting } : queues }),
    ...(timer === undefined ? {} : { timer }),
    ...(uid === undefined ? {} : { uid }),
    ...(inode === undefined ? {} : { inode }),
  };
}
