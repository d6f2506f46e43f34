/** What verdict/judge-connect.ts is given: all that bears on a connect() to one peer, gathered from a host. Gathers, judges nothing. */
import type { Host } from "../host/host.ts";
import { portsInForce } from "../tcp/connect-snapshot.ts";
import type {
  ConnectQuestion,
  ConnectSettings,
  ConnectSnapshot,
  ConnectSource,
  PortBind,
  PortFacts,
  PortsInForce,
} from "../tcp/connect-snapshot.ts";
import { isMulticast } from "../tcp/ip-address.ts";
import { allOf, notOf, portRange } from "../tcp/filter/filter.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { ALL_STATES, maskOf } from "../tcp/states.ts";
import { parseSysctlNumber, parseSysctlPortRange } from "../tcp/sysctl-values.ts";
import { askerOf } from "./asker.ts";
import { MOST_TRACED, peersUnclosedEnds, traceHolders } from "./connect-holders.ts";
import { describeDump } from "./dump.ts";
import { LocalServers } from "./local-servers.ts";
import { PortTable, eachPortUse } from "./port-table.ts";
import type { Progress } from "./progress.ts";
import { rootPrefixOf } from "./root-prefix.ts";

export interface ConnectRequest extends ConnectQuestion {
  /** Make real binds to a port that was asked for. */
  readonly probe: boolean;
  /** How a user enters the host's network namespace, "ip netns exec web"; left out for the one that this program is in. */
  readonly enterCommand?: string;
  /** The same, as the user named it. */
  readonly netns?: string;
  /** The ports alone are asked about, and not whose they are. */
  readonly withoutHolders?: true;
  readonly progress?: Progress;
}

const CAP_NET_BIND_SERVICE = 10;
/** Whose ports they are matters once one in so many is away for the same reason. */
const MATTERS = 10;

export async function gatherConnectFacts(
  host: Host,
  request: ConnectRequest,
  signal?: AbortSignal,
): Promise<ConnectSnapshot> {
  signal?.throwIfAborted();
  const { probe, enterCommand, netns, withoutHolders, progress, ...question } = request;
  const incomplete: Incomplete[] = [];
  const settings = gatherSettings(host, question, { enterCommand, netns });
  const inForce = portsInForce(question.ports, settings.localPortRange, settings.kernelRelease);
  if (inForce === undefined)
    incomplete.push({
      what: "the range of local ports",
      why: "net.ipv4.ip_local_port_range cannot be read here",
      hint: "name the ports: --from ADDRESS:LOW-HIGH",
    });
  const source = findSource(host, question, incomplete);
  const none = {
    question,
    source,
    ports: [],
    binds: [],
    holders: [],
    connectedHolders: [],
    peerHolders: [],
    settings,
    incomplete,
  };
  if (inForce === undefined || "errno" in source) return { ...none, ...(inForce === undefined ? {} : { inForce }) };
  const { table, explicit, connected } = collect(host, question, source, inForce, settings, incomplete);
  const ports = table.facts();
  const total = inForce.range.last - inForce.range.first + 1;
  const single = total === 1;
  const matters = (is: (facts: PortFacts) => boolean): boolean => {
    const count = withoutHolders === true ? 0 : ports.filter(is).length;
    return count > 0 && count * MATTERS >= total;
  };
  const unclosed = ({ toPeer }: PortFacts): boolean => toPeer?.state === "FIN-WAIT-2" && toPeer.endsInMs !== undefined;
  const open = ({ toPeer }: PortFacts): boolean => toPeer !== undefined && toPeer.endsInMs === undefined;
  const holders = await traceHolders(
    host,
    {
      holders: matters((facts) => facts.explicit) ? explicit : [],
      connectedHolders: matters(open) ? connected : [],
      peerHolders:
        "address" in source && matters(unclosed)
          ? peersUnclosedEnds(host, question.remote, source.address, inForce.range)
          : [],
    },
    incomplete,
    progress,
  );
  return {
    ...none,
    inForce,
    ports,
    binds: probe && single && inForce.choice === "bind" ? probePort(host, question, inForce, incomplete) : [],
    ...holders,
  };
}

function gatherSettings(
  host: Host,
  question: ConnectQuestion,
  { enterCommand, netns }: { readonly enterCommand: string | undefined; readonly netns: string | undefined },
): ConnectSettings {
  const { kernelRelease, uid } = host.system();
  const number = (name: string): number | undefined => parseSysctlNumber(host.sysctl(name));
  const localPortRange = parseSysctlPortRange(host.sysctl("net.ipv4.ip_local_port_range"));
  const reservedPorts = host.sysctl("net.ipv4.ip_local_reserved_ports");
  const timeWaitReuse = number("net.ipv4.tcp_tw_reuse");
  const timeWaitReuseDelayMs = number("net.ipv4.tcp_tw_reuse_delay");
  const timestamps = number("net.ipv4.tcp_timestamps");
  const finTimeout = number("net.ipv4.tcp_fin_timeout");
  const asks = question.ports !== undefined;
  const unprivilegedPortStart = asks ? number("net.ipv4.ip_unprivileged_port_start") : undefined;
  const mayBindPrivileged = asks ? host.hasCapability(CAP_NET_BIND_SERVICE) : undefined;
  return {
    kernelRelease,
    ...(localPortRange === undefined ? {} : { localPortRange }),
    ...(reservedPorts === undefined ? {} : { reservedPorts }),
    ...(timeWaitReuse === undefined ? {} : { timeWaitReuse }),
    ...(timeWaitReuseDelayMs === undefined ? {} : { timeWaitReuseDelayMs }),
    ...(timestamps === undefined ? {} : { timestamps: timestamps !== 0 }),
    ...(finTimeout === undefined ? {} : { finTimeoutMs: finTimeout * 1000 }),
    ...(unprivilegedPortStart === undefined ? {} : { unprivilegedPortStart }),
    ...(mayBindPrivileged === undefined ? {} : { mayBindPrivileged }),
    localAddresses: host.localAddresses().map(({ address }) => address),
    rootPrefix: rootPrefixOf(uid, enterCommand),
    asker: askerOf(host, netns, true),
  };
}

function findSource(host: Host, question: ConnectQuestion, incomplete: Incomplete[]): ConnectSource {
  const { address, remote } = question;
  const answer = host.sourceAddress({
    remote: remote.address,
    ...(address === undefined ? {} : { from: address }),
  });
  // The route is UDP's, which may go to a group. An IPv6 one is refused before any route is looked for (tcp_v4_connect, tcp_v6_connect).
  const toGroup = isMulticast(remote.address) && ("source" in answer || remote.address.includes(":"));
  if (toGroup && !("step" in answer && answer.step !== "connect")) return { errno: "ENETUNREACH", step: "connect" };
  if ("source" in answer) return { address: answer.source };
  if ("errno" in answer) return answer;
  if (address !== undefined) return { address };
  incomplete.push({
    what: "the local address of the connection",
    why: answer.refused,
    hint: "name it: --from ADDRESS. Until then every socket to this peer counts, whatever its own address",
  });
  return { unknown: true };
}

interface Collected {
  readonly table: PortTable;
  /** Some of the sockets that hold ports explicitly. */
  readonly explicit: readonly Socket[];
  /** Some of the open connections to the peer. */
  readonly connected: readonly Socket[];
}

function collect(
  host: Host,
  { remote, address }: ConnectQuestion,
  source: ConnectSource,
  { range, choice }: PortsInForce,
  { localPortRange, localAddresses }: ConnectSettings,
  incomplete: Incomplete[],
): Collected {
  const table = new PortTable({
    remote,
    ...("address" in source ? { source: withoutScope(source.address) } : {}),
    // A program that asks for a port and no address binds the wildcard of the family that it connects with.
    ...(choice === "bind" && address === undefined
      ? { bindAddress: wildcardFor(remote.address) }
      : "address" in source
        ? { bindAddress: withoutScope(source.address) }
        : {}),
    range,
    servers: new LocalServers(host, localAddresses),
    ...(localPortRange === undefined ? {} : { localPortRange }),
  });
  const explicit: Socket[] = [];
  const connected: Socket[] = [];
  const ours = portRange("local", range.first, range.last);
  const summary = eachPortUse(host, { protocol: "tcp", states: ALL_STATES, filter: ours }, (use, device, socket) => {
    if (table.add(use, device) && connected.length < MOST_TRACED) connected.push(socket());
    if ((use.state === "LISTEN" || use.state === "BOUND") && explicit.length < MOST_TRACED) explicit.push(socket());
  });
  incomplete.push(...describeDump(host, summary));
  if (host.socketSource().kind !== "sock_diag") {
    incomplete.push({ what: "which ports were asked for in bind()", why: "only sock_diag can tell" });
    return { table, explicit, connected };
  }
  // A second dump, because only the kernel's filter can tell (INET_DIAG_BC_AUTO). TIME-WAIT has forgotten it, listeners hold anyway.
  const asked: number[] = [];
  const certain = explicit.length;
  const { exactFilter } = eachPortUse(
    host,
    {
      protocol: "tcp",
      states: ALL_STATES & ~maskOf("LISTEN", "BOUND", "TIME-WAIT"),
      filter: allOf([notOf({ kind: "autobound" }), ours]),
    },
    ({ localPort, timer }, _device, socket) => {
      if (timer === "time-wait") return;
      asked.push(localPort);
      if (explicit.length < MOST_TRACED) explicit.push(socket());
    },
  );
  if (exactFilter) for (const port of asked) table.markExplicit(port);
  else {
    explicit.length = certain;
    incomplete.push({
      what: "which ports were asked for in bind()",
      why: "this kernel does not filter by it (INET_DIAG_BC_AUTO)",
    });
  }
  return { table, explicit, connected };
}

/** As asked first, then with the other SO_REUSEADDR. */
function probePort(
  host: Host,
  question: ConnectQuestion,
  { range }: PortsInForce,
  incomplete: Incomplete[],
): PortBind[] {
  const address = question.address ?? wildcardFor(question.remote.address);
  const binds: PortBind[] = [];
  for (const reuseAddr of [question.reuseAddr, !question.reuseAddr]) {
    const answer = host.probeBind({
      protocol: "tcp",
      address,
      port: range.first,
      v6only: false,
      reuseAddr,
      reusePort: false,
    });
    if ("refused" in answer) {
      incomplete.push({ what: "a real bind", why: answer.refused, hint: "the verdict is by the rules alone" });
      return [];
    }
    binds.push({ reuseAddr, result: answer.result });
  }
  return binds;
}

function wildcardFor(remote: string): string {
  return remote.includes(":") ? "::" : "0.0.0.0";
}

function withoutScope(address: string): string {
  return address.split("%")[0]!;
}
