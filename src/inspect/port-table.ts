/** The sockets of a range of local ports, gathered by port, row by row: there can be a hundred thousand of them. */
import type { DumpRequest, DumpSummary, Host } from "../host/host.ts";
import type { PortFacts } from "../tcp/connect-snapshot.ts";
import { createMatcher } from "../tcp/filter/match-filter.ts";
import { isUnspecified, parseIp, unmapped } from "../tcp/ip-address.ts";
import { createSocketRow } from "../tcp/socket-row.ts";
import type { Endpoint, Socket, TimerKind } from "../tcp/socket.ts";
import type { SocketState } from "../tcp/states.ts";
import type { PortRange } from "../tcp/sysctl-values.ts";
import { openDump } from "./dump.ts";
import type { LocalServers } from "./local-servers.ts";

/** What of a socket matters to a port. */
export interface PortUse {
  readonly family: "ipv4" | "ipv6";
  readonly state: SocketState;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  readonly timer: TimerKind | undefined;
  readonly remainingMs: number;
  readonly v6only: boolean | undefined;
}

/** Calls `visit` for each socket; `socket` decodes it whole. `device`: the one that it is bound to. */
export function eachPortUse(
  host: Host,
  request: DumpRequest,
  visit: (use: PortUse, device: string | undefined, socket: () => Socket) => void,
): DumpSummary {
  const dump = openDump(host, request);
  const matches = request.filter === undefined ? undefined : createMatcher(request.filter);
  const row = createSocketRow("tcp");
  for (const batch of dump) {
    const exact = matches === undefined || dump.summary.exactFilter;
    for (let index = 0; index < batch.length; index++) {
      if (exact && batch.rowAt?.(index, row) === true) visit(row, undefined, () => batch.socketAt(index));
      else {
        const socket = batch.socketAt(index);
        if (exact || matches(socket)) visit(useOf(socket), socket.local.interface, () => socket);
      }
    }
  }
  return dump.summary;
}

function useOf({ family, state, local, remote, timer, v6only }: Socket): PortUse {
  return {
    family,
    state,
    localAddress: local.address,
    localPort: local.port,
    remoteAddress: remote?.address,
    remotePort: remote?.port ?? 0,
    timer: timer?.kind,
    remainingMs: timer?.remainingMs ?? 0,
    v6only,
  };
}

export interface PortTableQuestion {
  readonly remote: Endpoint;
  /** Left out where it could not be found out: then every local address counts as the connection's. */
  readonly source?: string;
  /** What a bind() before it would name: the source, or a wildcard. */
  readonly bindAddress?: string;
  readonly range: PortRange;
  /** A connection to one of them was opened by connect(). */
  readonly servers: LocalServers;
  /** The kernel's own choice: a connection from there to elsewhere is a client's. */
  readonly localPortRange?: PortRange;
}

type Entry = { -readonly [K in keyof PortFacts]: PortFacts[K] };

export class PortTable {
  readonly #question: PortTableQuestion;
  readonly #entries: (Entry | undefined)[];
  /** Of each port's connections, as far as they are clients'. */
  readonly #firstAddress: string[] = [];
  readonly #remoteAddress: string;
  /** The connection is to a link-local address, and so bound to its device. */
  readonly #device: string | undefined;
  /** Equal texts are equal addresses; few differ, and each is looked at once. */
  readonly #overlap = new Map<string, PortFacts["overlap"]>();

  constructor(question: PortTableQuestion) {
    this.#question = question;
    this.#entries = Array.from({ length: question.range.last - question.range.first + 1 });
    [this.#remoteAddress = "", this.#device] = question.remote.address.split("%", 2);
  }

  facts(): PortFacts[] {
    return this.#entries.filter((entry) => entry !== undefined);
  }

  /** Somebody asked for this port in bind(). */
  markExplicit(port: number): void {
    this.#entry(port).explicit = true;
  }

  /** True of an open connection to the peer: one that a program has. */
  add(use: PortUse, device: string | undefined): boolean {
    const { remote, source } = this.#question;
    const entry = this.#entry(use.localPort);
    const connected = use.state !== "LISTEN" && use.state !== "BOUND" && use.state !== "CLOSED";
    // A socket that is bound to a device is another one to the kernel than one that is not (inet_match).
    const toPeer =
      connected &&
      device === this.#device &&
      use.remotePort === remote.port &&
      use.remoteAddress !== undefined &&
      unmapped(use.remoteAddress) === this.#remoteAddress &&
      (source === undefined || unmapped(use.localAddress) === source);
    if (toPeer)
      entry.toPeer = use.timer === "time-wait" ? { state: use.state, endsInMs: use.remainingMs } : { state: use.state };
    if (!connected) entry.explicit = true;
    else if (!this.#isClient(use)) entry.doubtful = true;
    else if (this.#isSecond(use)) entry.chosenAtConnect = true;
    const overlap = this.#overlapOf(use);
    if (overlap !== "no") {
      if (entry.overlap !== "yes") entry.overlap = overlap;
      if (use.state === "LISTEN") entry.listens = true;
    }
    return toPeer && use.timer !== "time-wait";
  }

  /** Of the connections on this port another one has the same local address. */
  #isSecond({ localPort, localAddress }: PortUse): boolean {
    const at = localPort - this.#question.range.first;
    const first = this.#firstAddress[at];
    this.#firstAddress[at] ??= localAddress;
    return first === localAddress;
  }

  #entry(port: number): Entry {
    const at = port - this.#question.range.first;
    return (this.#entries[at] ??= { port, explicit: false, doubtful: false, overlap: "no", listens: false });
  }

  /** The same signs as of a blocker's: it went to a listener of this machine, or to a port that no client is given. */
  #isClient({ remoteAddress, remotePort }: PortUse): boolean {
    const { remote, localPortRange: range, servers } = this.#question;
    if (remotePort === remote.port && remoteAddress !== undefined && unmapped(remoteAddress) === this.#remoteAddress)
      return true;
    if (range !== undefined && (remotePort < range.first || remotePort > range.last)) return true;
    return remoteAddress !== undefined && servers.has(remoteAddress, remotePort);
  }

  /** Would a bind() to the connection's local address meet this socket's? docs/kernel/bind.md, "The rule". */
  #overlapOf({ localAddress, v6only, state }: PortUse): PortFacts["overlap"] {
    const { bindAddress } = this.#question;
    if (bindAddress === undefined || localAddress === bindAddress) return "yes";
    // The kernel tells it of these two only, and a bind to one IPv6 address sets it.
    const told = state === "LISTEN" || state === "BOUND";
    const only = told ? v6only === true || localAddress !== "::" : undefined;
    const key = only === undefined ? localAddress : `${localAddress}|${only}`;
    let answer = this.#overlap.get(key);
    if (answer === undefined) this.#overlap.set(key, (answer = addressesOverlap(bindAddress, localAddress, only)));
    return answer;
  }
}

function addressesOverlap(ours: string, theirs: string, v6only: boolean | undefined): PortFacts["overlap"] {
  const plain = unmapped(theirs);
  if (plain === ours || ours === "::") return "yes";
  const theirs6 = plain.includes(":");
  // A client has it off; one that bound its IPv6 address first has it on.
  if (ours === "0.0.0.0") return !theirs6 || v6only === false ? "yes" : v6only === true ? "no" : "perhaps";
  const bytes = parseIp(plain.split("%")[0]!)?.bytes;
  if (bytes === undefined || !isUnspecified(bytes)) return "no";
  const meets = theirs6 ? ours.includes(":") || v6only !== true : !ours.includes(":");
  return meets ? "yes" : "no";
}
