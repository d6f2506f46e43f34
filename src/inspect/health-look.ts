/** One look at a machine's TCP: its sockets counted, its counters read. Two of them show what grows. */
import type { Host } from "../host/host.ts";
import type { HealthLook } from "../tcp/health-snapshot.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { createSocketRow, fillRow } from "../tcp/socket-row.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import { STATE_GROUPS, maskOf } from "../tcp/states.ts";
import type { StateMask } from "../tcp/states.ts";
import { parseSysctlPortRange } from "../tcp/sysctl-values.ts";
import { describeDump, openDump } from "./dump.ts";
import type { Progress } from "./progress.ts";
import { SocketCensus } from "./socket-census.ts";
import { groupSuspects } from "./suspect-groups.ts";

export interface LookedAt {
  readonly look: HealthLook;
  readonly listeners: readonly Socket[];
  /** How many sockets were counted. */
  readonly sockets: number;
  readonly oldestWaitingMs: (listener: Socket) => number | undefined;
  readonly incomplete: readonly Incomplete[];
}

/** Only of these it matters how long they have been silent; tcp_info makes a message of the kernel four times as long. */
const WITH_INFO = maskOf("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "LAST-ACK", "CLOSING");
const LISTEN = maskOf("LISTEN");
const OTHERS = STATE_GROUPS["all"]! & ~WITH_INFO & ~LISTEN;

export async function lookAtHealth(host: Host, progress?: Progress, signal?: AbortSignal): Promise<LookedAt> {
  signal?.throwIfAborted();
  const atMs = host.system().nowMs;
  const incomplete: Incomplete[] = [];
  const listeners: Socket[] = [];
  let count = 0;
  const read = (states: StateMask, details: boolean, visit: (row: SocketRow, socket?: Socket) => void): void => {
    const row = createSocketRow("tcp");
    if (details) row.activity = { lastDataReceivedMs: undefined, lastAckReceivedMs: undefined };
    const dump = openDump(host, { protocol: "tcp", states, ...(details ? { details: "tcp_info" } : {}) });
    for (const batch of dump) {
      signal?.throwIfAborted();
      for (let index = 0; index < batch.length; index++) {
        if (batch.rowAt?.(index, row) === true) visit(row);
        else visit(row, fillRow(row, batch.socketAt(index)));
      }
      progress?.((count += batch.length), "sockets");
    }
    for (const item of describeDump(host, dump.summary))
      if (!incomplete.some(({ what, why }) => what === item.what && why === item.why)) incomplete.push(item);
  };
  // With all details: a listener's own counter of what it dropped is among them, and listeners are few.
  for (const batch of openDump(host, { protocol: "tcp", states: LISTEN, details: true }))
    for (let index = 0; index < batch.length; index++) listeners.push(batch.socketAt(index));
  const census = new SocketCensus(
    new Set(listeners.map(({ local }) => local.port)),
    new Set(host.localAddresses().map(({ address }) => address)),
    parseSysctlPortRange(host.sysctl("net.ipv4.ip_local_port_range")),
  );
  for (const socket of listeners) census.add(fillRowOf(socket), socket);
  read(WITH_INFO, true, (row, socket) => census.add(row, socket));
  read(OTHERS, false, (row, socket) => census.add(row, socket));
  const { groups, incomplete: hidden } = await groupSuspects(host, census.suspects, progress);
  incomplete.push(...hidden, ...unknown(host, census));
  return {
    look: {
      atMs,
      counters: host.counters(),
      states: census.states,
      timeWait: census.timeWait(),
      destinations: census.destinations(),
      groups,
    },
    listeners,
    sockets: census.total,
    oldestWaitingMs: (listener) => census.oldestWaitingMs(listener),
    incomplete,
  };
}

function fillRowOf(socket: Socket): SocketRow {
  const row = createSocketRow("tcp");
  fillRow(row, socket);
  return row;
}

function unknown(host: Host, { states, uncounted }: SocketCensus): Incomplete[] {
  const incomplete: Incomplete[] = [];
  const source = host.socketSource();
  if (source.kind === "procfs" && (states.ESTABLISHED ?? 0) > 0) {
    incomplete.push({
      what: "how long connections have been silent",
      why: `only tcp_info tells it: ${source.why}`,
      hint: source.hint,
    });
  }
  for (const [kind, count] of uncounted)
    incomplete.push({ what: `${count} more sockets (${kind})`, why: "they were too many to keep" });
  return incomplete;
}
