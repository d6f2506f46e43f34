/** What is asked about a connect(), and what was seen of the machine: inspect/ gathers it, verdict/ judges it. */
import type { Asker } from "./asker.ts";
import type { Endpoint, Incomplete, Socket } from "./socket.ts";
import type { SocketState } from "./states.ts";
import type { PortRange } from "./sysctl-values.ts";
import { olderThan } from "../base/kernel-release.ts";

/** The connection that a program will make. */
export interface ConnectQuestion {
  readonly remote: Endpoint;
  /** The name that was looked up, and what else it stands for. */
  readonly name?: string;
  readonly otherAddresses?: readonly string[];
  /** The local address that the program asks for; left out: the kernel chooses. */
  readonly address?: string;
  /** The local ports that the program asks for; left out: the kernel's range. */
  readonly ports?: PortRange;
  /** The program sets SO_REUSEADDR before it binds a port of its own choice. */
  readonly reuseAddr: boolean;
}

/** `connect`: the kernel chooses at connect(). `bind`: the program asks for the port in bind(). */
export type PortChoice = "connect" | "bind";

export interface PortsInForce {
  readonly choice: PortChoice;
  readonly range: PortRange;
}

/**
 * Which ports come into question, and who chooses. IP_LOCAL_PORT_RANGE (Linux 6.3) only narrows net.ipv4.ip_local_port_range: a range
 * that reaches beyond it can be had by binding port after port only (inet_sk_get_local_port_range). Undefined: it cannot be told.
 */
export function portsInForce(
  asked: PortRange | undefined,
  setting: PortRange | undefined,
  kernelRelease: string,
): PortsInForce | undefined {
  if (asked === undefined) return setting === undefined ? undefined : { choice: "connect", range: setting };
  const narrows =
    setting !== undefined &&
    asked.first < asked.last &&
    asked.first >= setting.first &&
    asked.last <= setting.last &&
    !olderThan(kernelRelease, 6, 3);
  return { choice: narrows ? "connect" : "bind", range: asked };
}

/** All sockets of one local port, as far as they matter to a connection. Ports without a socket have none of these. */
export interface PortFacts {
  readonly port: number;
  /** The socket with the very addresses and ports of the connection in question, if there is one. */
  readonly toPeer?: {
    readonly state: SocketState;
    /** The kernel's small stand-in of a closed connection (TIME-WAIT, or an orphan in FIN-WAIT-2) ends by itself then. */
    readonly endsInMs?: number;
  };
  /** Somebody listens, is only bound, or asked for this port in bind(). */
  readonly explicit: boolean;
  /** Not to be told whether connect() chose the port for it, or whether a listener that is gone accepted it. */
  readonly doubtful: boolean;
  /** Two connections from one address are on it: after bind() with port 0 no second one would be let in. */
  readonly chosenAtConnect?: true;
  /** A bind() to the local address and this port meets another socket's address; `perhaps`: it hangs on an IPV6_V6ONLY that no dump shows. */
  readonly overlap: "no" | "perhaps" | "yes";
  /** A socket that listens is among those. */
  readonly listens: boolean;
}

/** A real bind to the one port that was asked for. */
export interface PortBind {
  readonly reuseAddr: boolean;
  /** "ok" or an errno's name. */
  readonly result: string;
}

/** One program's sockets among those that were traced, by one of them; without an owner: those of whom nobody was found. */
export interface PortHolders {
  readonly socket: Socket;
  readonly ports: number;
}

/** All that the judgement may use. The same snapshot gives the same answer on any machine. */
export interface ConnectSnapshot {
  readonly question: ConnectQuestion;
  readonly source: ConnectSource;
  /** Left out: the range could not be read. */
  readonly inForce?: PortsInForce;
  /** By port, ascending; empty where no way leads to the peer. */
  readonly ports: readonly PortFacts[];
  readonly binds: readonly PortBind[];
  /** Who holds ports by an explicit bind, the most first, as are the next two. */
  readonly holders: readonly PortHolders[];
  /** Who has the connections to the peer, of a sample where they are many. */
  readonly connectedHolders: readonly PortHolders[];
  /** Where the peer is on this machine: who has not closed the other ends of those in FIN-WAIT-2, of a sample. */
  readonly peerHolders: readonly PortHolders[];
  readonly settings: ConnectSettings;
  readonly incomplete: readonly Incomplete[];
}

/** The local address of the connection, the errno of connect() or bind() whatever the port, or nothing where it could not be found out. */
export type ConnectSource =
  | { readonly address: string }
  | { readonly errno: string; readonly step: "socket" | "bind" | "connect" }
  | { readonly unknown: true };

/** Left out: it could not be read. */
export interface ConnectSettings {
  readonly kernelRelease: string;
  readonly localPortRange?: PortRange;
  /** net.ipv4.ip_local_reserved_ports, as it is written. */
  readonly reservedPorts?: string;
  /** net.ipv4.tcp_tw_reuse: 0 never, 1 for all, 2 for loopback. */
  readonly timeWaitReuse?: number;
  /** net.ipv4.tcp_tw_reuse_delay, since Linux 6.14. */
  readonly timeWaitReuseDelayMs?: number;
  readonly timestamps?: boolean;
  /** net.ipv4.tcp_fin_timeout: how long the kernel keeps an orphan in FIN-WAIT-2. */
  readonly finTimeoutMs?: number;
  readonly unprivilegedPortStart?: number;
  readonly mayBindPrivileged?: boolean;
  readonly localAddresses: readonly string[];
  /** What to write before a command that needs root in this network namespace. */
  readonly rootPrefix: string;
  readonly asker: Asker;
}
