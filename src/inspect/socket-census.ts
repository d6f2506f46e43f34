/**
 * The sockets of a machine counted while they are read: sixty thousand rows become a few tables. Only what a finding can be about is kept as
 * a socket, so many of them at most.
 */
import type { DestinationUse, GroupKind, HealthLook, TimeWaitCensus, TimeWaitPort } from "../tcp/health-snapshot.ts";
import type { Socket } from "../tcp/socket.ts";
import { socketOfRow } from "../tcp/socket-row.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import { DestinationCensus } from "./destination-census.ts";
import type { PortRange } from "../tcp/sysctl-values.ts";
import { TopCounts } from "./top-counts.ts";

export interface Suspect {
  readonly kind: GroupKind;
  readonly socket: Socket;
  /** Since the peer was last heard of. */
  readonly silentMs: number | undefined;
}

const HOUR_MS = 3_600_000;
/** The kernel's default, and the least that RFC 1122 section 4.2.3.6 allows. */
const USUAL_KEEPALIVE_MS = 2 * HOUR_MS;

/** Both are measured in ticks of the kernel, and a probe that is due may be a little late. */
const A_TICK_MS = 1000;

const MOST_SUSPECTS = 50_000;
const MOST_SHOWN = 20;
const MOST_CLIENTS = 5;
const MOST_DESTINATIONS = 40;
const PORTS = 65_536;

export class SocketCensus {
  readonly suspects: Suspect[] = [];
  /** Those that would have been too many to keep. */
  readonly uncounted = new Map<GroupKind, number>();
  total = 0;
  readonly #states: Partial<Record<Socket["state"], number>> = {};
  readonly #listening: ReadonlySet<number>;
  readonly #ownAddresses: ReadonlySet<string>;
  readonly #localPorts: PortRange | undefined;
  readonly #timeWaitPorts = new Uint32Array(PORTS);
  #timeWaitTotal = 0;
  /** By local port: remote addresses. */
  readonly #timeWaitClients = new Map<number, TopCounts<string>>();
  readonly #destinations = new DestinationCensus();
  readonly #waiting = new Map<number, Map<string, number>>();

  /** `listening`: ports that have a listener. `ownAddresses`: a connection to one of these has both ends here. `localPorts`: what connect() takes. */
  constructor(listening: ReadonlySet<number>, ownAddresses: ReadonlySet<string>, localPorts?: PortRange) {
    this.#listening = listening;
    this.#ownAddresses = ownAddresses;
    this.#localPorts = localPorts;
  }

  /** The row is valid for this call only. `socket`: the same, where there is one already. */
  add(row: SocketRow, socket?: Socket): void {
    const { state } = row;
    this.total++;
    this.#states[state] = (this.#states[state] ?? 0) + 1;
    if (row.remoteAddress === undefined) return;
    const served = this.#listening.has(row.localPort);
    if (state === "TIME-WAIT") {
      this.#timeWaitTotal++;
      this.#timeWaitPorts[row.localPort]!++;
      if (served) this.#countClient(row.localPort, plainAddress(row.remoteAddress));
    }
    if (!served) {
      const remote = plainAddress(row.remoteAddress);
      const chosen = this.#isChosen(row.localPort);
      this.#destinations.add(plainAddress(row.localAddress), remote, row.remotePort, state === "TIME-WAIT", chosen);
    }
    const silentMs = silenceOf(row);
    if (served && row.inode === 0 && (state === "ESTABLISHED" || state === "CLOSE-WAIT")) this.#wait(row, silentMs);
    const kind = this.#kindOf(row, silentMs);
    if (kind === undefined) return;
    if (this.suspects.length < MOST_SUSPECTS)
      this.suspects.push({ kind, socket: socket === undefined ? socketOfRow(row) : withoutInfo(socket), silentMs });
    else this.uncounted.set(kind, (this.uncounted.get(kind) ?? 0) + 1);
  }

  #countClient(port: number, address: string): void {
    let clients = this.#timeWaitClients.get(port);
    if (clients === undefined) this.#timeWaitClients.set(port, (clients = new TopCounts()));
    clients.add(address);
  }

  /** A port that no connect() without bind() would take: proxies choose their own, to have more than the range has. */
  #isChosen(port: number): boolean {
    const range = this.#localPorts;
    return range !== undefined && (port < range.first || port > range.last);
  }

  #kindOf(row: SocketRow, silentMs: number | undefined): GroupKind | undefined {
    const held = row.inode !== 0;
    switch (row.state) {
      case "CLOSE-WAIT":
        return held ? "close-wait" : undefined;
      case "FIN-WAIT-2":
        return held ? "fin-wait-2-held" : undefined;
      case "FIN-WAIT-1":
      case "LAST-ACK":
      case "CLOSING":
        return held ? undefined : "orphan";
      case "ESTABLISHED":
        return held ? this.#halfOpenKind(row, silentMs) : undefined;
      default:
        return undefined;
    }
  }

  #halfOpenKind(row: SocketRow, silentMs: number | undefined): GroupKind | undefined {
    // The timer counts from when the peer was last heard of, or from before: what has passed and what is left is at most what was set.
    // While probes are under way it has the time between two of them.
    const setMs = row.timer === "keepalive" && row.retransmits === 0 ? row.remainingMs + (silentMs ?? 0) : 0;
    const slow = setMs > USUAL_KEEPALIVE_MS + A_TICK_MS;
    const unwatched = row.timer === undefined && row.sendQueue === 0 && (silentMs ?? 0) >= HOUR_MS;
    if (!slow && !unwatched) return undefined;
    // Where both ends are of one machine, neither can go without the other being told.
    const remote = plainAddress(row.remoteAddress ?? "");
    if (remote.startsWith("127.") || this.#ownAddresses.has(remote)) return undefined;
    return slow ? "slow-keepalive" : "no-keepalive";
  }

  #wait(row: SocketRow, silentMs: number | undefined): void {
    if (silentMs === undefined) return;
    let byAddress = this.#waiting.get(row.localPort);
    if (byAddress === undefined) this.#waiting.set(row.localPort, (byAddress = new Map()));
    const address = plainAddress(row.localAddress);
    byAddress.set(address, Math.max(silentMs, byAddress.get(address) ?? 0));
  }

  /** How long the connection has been silent that waits the longest to be accepted from this listener. */
  oldestWaitingMs({ local, v6only }: Socket): number | undefined {
    const byAddress = this.#waiting.get(local.port);
    if (byAddress === undefined) return undefined;
    const own = plainAddress(local.address);
    const takes = (address: string): boolean =>
      own === address ||
      (own === "0.0.0.0" && !address.includes(":")) ||
      (own === "::" && (address.includes(":") || v6only !== true));
    const ages = [...byAddress].filter(([address]) => takes(address)).map(([, silentMs]) => silentMs);
    return ages.length === 0 ? undefined : Math.max(...ages);
  }

  get states(): HealthLook["states"] {
    return this.#states;
  }

  destinations(): readonly DestinationUse[] {
    return this.#destinations.top(MOST_DESTINATIONS);
  }

  timeWait(): TimeWaitCensus {
    const ports: Omit<TimeWaitPort, "clients">[] = [];
    for (let port = 0; port < PORTS; port++) {
      const count = this.#timeWaitPorts[port]!;
      if (count > 0) ports.push({ port, count, listening: this.#listening.has(port) });
    }
    const clientsOf = (port: number): TimeWaitPort["clients"] =>
      (this.#timeWaitClients.get(port)?.top(MOST_CLIENTS) ?? []).map(({ key, count }) => ({ address: key, count }));
    return {
      total: this.#timeWaitTotal,
      byLocalPort: ports
        .sort((a, b) => b.count - a.count)
        .slice(0, MOST_SHOWN)
        .map((one) => ({ ...one, clients: clientsOf(one.port) })),
      byPeer: this.#destinations.timeWaitPeers(MOST_SHOWN),
    };
  }
}

/** The smaller of the two: data or a bare acknowledgement, both show that the peer is there. */
function silenceOf({ activity }: SocketRow): number | undefined {
  const { lastDataReceivedMs: data, lastAckReceivedMs: ack } = activity ?? {};
  if (data === undefined || ack === undefined) return data ?? ack;
  return Math.min(data, ack);
}

/** As a row would tell it. */
function withoutInfo({ info: _info, ...socket }: Socket): Socket {
  return socket;
}

/** An IPv4 connection of an IPv6 socket takes the same local port as one of an IPv4 socket. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
