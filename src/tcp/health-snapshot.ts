/**
 * What `doctor` judges: the whole of a machine's TCP in numbers. inspect/ gathers it, verdict/findings/ judges it. Sockets are counted and
 * grouped while they are read: sixty thousand of them are a few dozen groups, each with one of its sockets as evidence.
 */
import type { Asker } from "./asker.ts";
import type { Endpoint, Incomplete, Owner, Ownerless, Socket } from "./socket.ts";
import type { SocketState } from "./states.ts";

export interface HealthSnapshot {
  readonly system: { readonly kernelRelease: string; readonly nowMs: number; readonly uid: number };
  /** Kernel settings by their dotted names; one that this kernel does not have, or does not show here, is left out. */
  readonly settings: Readonly<Record<string, string>>;
  /** Lines of the files that set kernel settings at boot, in the order in which they are applied. */
  readonly configured: readonly SysctlLine[];
  readonly now: HealthLook;
  /** An earlier look at the same machine: only with it can be said what grows. */
  readonly before?: HealthLook;
  readonly listeners: readonly ListenerFacts[];
  /** UDP sockets without a peer, of ports that have both a wildcard and a single address. Left out: not looked for. */
  readonly udpSharers?: readonly ListenerFacts[];
  /** Processes of this network namespace that use at least half of the descriptors that they may have. */
  readonly descriptors: readonly DescriptorUse[];
  /** What to write before a command that needs root in this network namespace: "", "sudo ", "sudo ip netns exec web ". */
  readonly rootPrefix: string;
  readonly asker: Asker;
  readonly incomplete: readonly Incomplete[];
}

export interface HealthLook {
  readonly atMs: number;
  /** "TcpExt.ListenOverflows", "Tcp.RetransSegs", "sockstat.TCP.orphan": see `Host.counters`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly states: Readonly<Partial<Record<SocketState, number>>>;
  readonly timeWait: TimeWaitCensus;
  /** Outgoing connections by where they go, those that use the most local ports first; a few dozen at most. */
  readonly destinations: readonly DestinationUse[];
  /** Sockets that a finding can be about, by what they are and who holds them, the largest first. */
  readonly groups: readonly SocketGroup[];
}

export interface TimeWaitPort {
  readonly port: number;
  readonly count: number;
  /** A listener has this port, so it was the server's side that closed first. */
  readonly listening: boolean;
  /** Of a port that has a listener: with whom, the most frequent first; a few. */
  readonly clients: readonly { readonly address: string; readonly count: number }[];
}

export interface TimeWaitCensus {
  readonly total: number;
  /** The largest ones. */
  readonly byLocalPort: readonly TimeWaitPort[];
  /** Where this side had gone out to. */
  readonly byPeer: readonly { readonly address: string; readonly port: number; readonly count: number }[];
}

/** Local ports of ip_local_port_range taken by connections from one local address to one remote endpoint. */
export interface DestinationUse {
  readonly localAddress: string;
  readonly remote: Endpoint;
  /** Not in TIME-WAIT. */
  readonly open: number;
  readonly timeWait: number;
}

export type GroupKind =
  /** CLOSE-WAIT, held by a program. */
  | "close-wait"
  /** FIN-WAIT-2 with a descriptor: half closed, and no timer ends it. */
  | "fin-wait-2-held"
  /** FIN-WAIT-1, LAST-ACK or CLOSING without a descriptor. */
  | "orphan"
  /**
   * ESTABLISHED to another machine and silent for an hour, no keepalive timer and nothing unacknowledged: nothing would ever notice that the
   * peer is gone.
   */
  | "no-keepalive"
  /** ESTABLISHED to another machine, with keepalive set to more than two hours. */
  | "slow-keepalive";

export interface SocketGroup {
  readonly kind: GroupKind;
  readonly state: SocketState;
  readonly count: number;
  /** Who holds them; one of the sharers. Left out for orphans and where nobody was found or looked for. */
  readonly owner?: Owner;
  readonly ownerless?: Ownerless;
  /** Since the peer was last heard of (the smaller of tcpi_last_data_recv and tcpi_last_ack_recv): of the one that is silent the longest. */
  readonly longestSilentMs?: number;
  /** How many of them have been silent for at least an hour (`no-keepalive`: all of them are). */
  readonly silentAnHour?: number;
  /** Of the one with the most. */
  readonly retransmits?: number;
  /**
   * How many have the timer of zero-window probes. The kernel also starts it when this machine itself could not send (no carrier): nothing
   * is under way, and there is something to send (tcp_check_probe_timer()).
   */
  readonly zeroWindow?: number;
  /** Remote ends, the most frequent first; a few. */
  readonly peers: readonly { readonly address: string; readonly port?: number; readonly count: number }[];
  /** One of them, as evidence. */
  readonly sample: Socket;
}

export interface ListenerFacts {
  /** With owners, or the reason why none was found. */
  readonly socket: Socket;
  /** What is known of the processes that hold it. */
  readonly processes: readonly ProcessPlace[];
  /** The kernel chose the port: bind() to port 0, or listen() without bind(). Left out: not told. */
  readonly autoBound?: boolean;
  /** How long the connection that waits the longest to be accepted has been silent; left out when none waits or it was not told. */
  readonly oldestWaitingMs?: number;
}

/** Where a process stands: its terminal, its parent, its directories. Left out: not told to this user. */
export interface ProcessPlace {
  readonly pid: number;
  readonly parentPid?: number;
  /** The parent is the init of its pid namespace or a subreaper that did not start it: whoever started it is gone. */
  readonly adopted?: boolean;
  /** The leader of its session has ended. */
  readonly sessionLeaderGone?: boolean;
  /** It has a controlling terminal; or its standard streams are a terminal that is gone. */
  readonly terminal?: "controlling" | "gone" | "none";
  readonly directory?: string;
  readonly directoryGone?: boolean;
  readonly executable?: string;
  readonly executableGone?: boolean;
  readonly startedAtMs?: number;
  /** The directory lies in a source tree (a .git, package.json, Cargo.toml … above it): its root. */
  readonly sourceTree?: string;
}

export interface DescriptorUse {
  readonly pid: number;
  readonly command: string;
  readonly count: number;
  /** RLIMIT_NOFILE's soft limit. */
  readonly limit: number;
  /** Its hard limit, up to which the soft one can be raised without a right. */
  readonly hardLimit?: number;
}

/** One setting of /etc/sysctl.conf, /etc/sysctl.d and the like (man sysctl.d). */
export interface SysctlLine {
  readonly path: string;
  readonly line: number;
  /** Dotted. */
  readonly name: string;
  readonly value: string;
  /** Whether this kernel has, and shows here, a setting of this name; left out: not looked. */
  readonly exists?: boolean;
}
