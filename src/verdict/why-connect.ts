/** The shape of `why --connect`'s answer, as docs/cli.md promises it. */
import type { PortChoice } from "../tcp/connect-snapshot.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import type { PortRange } from "../tcp/sysctl-values.ts";
import type { Advice } from "./why.ts";

/** Every port of the range is in exactly one of the classes; `usable` is the sum of the first three. */
export interface PortCounts {
  readonly total: number;
  readonly usable: number;
  /** Nobody has it. */
  readonly free: number;
  /** Others have it, for connections to other peers or from other addresses. */
  readonly shared: number;
  /** In TIME-WAIT to this peer, and the kernel takes it again now. */
  readonly reusable: number;
  /** In TIME-WAIT to this peer, and not to be had yet. */
  readonly timeWait: number;
  /** Closed here and not by this peer, and held by the kernel alone for a while. */
  readonly finWait2: number;
  /** A connection to this peer, in any other state. */
  readonly connected: number;
  /** Another socket keeps it: by an explicit bind, or because its address is in the way of ours. */
  readonly held: number;
  /** In net.ipv4.ip_local_reserved_ports: never chosen. */
  readonly reserved: number;
  /** Below net.ipv4.ip_unprivileged_port_start, and no right to it. */
  readonly privileged: number;
  /** It hangs on what nobody can see. */
  readonly undetermined: number;
}

export interface ConnectAttempt {
  readonly reuseAddr: boolean;
  /** "ok", an errno's name, or "unknown". */
  readonly bind: string;
  /** Left out where bind() fails. */
  readonly connect?: string;
  readonly by: "probe" | "rules";
}

export interface ConnectAdvice extends Advice {
  /** Connections a second to this peer that could then be kept up; left out where TIME-WAIT no longer limits them. */
  readonly perSecond?: number;
}

/** A program, by one of its sockets. */
export interface ConnectHolder {
  readonly ports: number;
  readonly socket: Socket;
  readonly text: string;
}

export interface WhyConnect {
  readonly remote: {
    readonly address: string;
    readonly port: number;
    /** The name that was given, and its other addresses, which were not judged. */
    readonly name?: string;
    readonly otherAddresses?: readonly string[];
  };
  readonly local: {
    /** Left out where it could not be found out. */
    readonly address?: string;
    /** Left out where it could not be read. */
    readonly range?: PortRange;
    /** Who chooses the port: the kernel at connect(), or the program in bind(). */
    readonly choice?: PortChoice;
  };
  /** The next connection gets a port; left out where that cannot be told. */
  readonly connectable?: boolean;
  /** What the next attempt gets, and from which call. */
  readonly errno?: string;
  readonly step?: "socket" | "bind" | "connect";
  /** Why, where no local port is at fault: the address, the route, the family. */
  readonly reason?: string;
  /** `low`: a tenth of the ports or less is left. */
  readonly level?: "plenty" | "low" | "none";
  readonly ports?: PortCounts;
  readonly timeWait: {
    /** Ports in TIME-WAIT to this peer, usable or not. */
    readonly count: number;
    /** When the next port comes back, and when all have: by its end, or because it may be taken again. */
    readonly nextInMs?: number;
    readonly lastInMs?: number;
    /** The kernel takes a TIME-WAIT again for this peer, `afterMs` after it began; left out: cannot be told. */
    readonly reuse?: boolean;
    readonly afterMs?: number;
    readonly text: string;
  };
  /** Ports that a bind() of the address alone (port 0) can still get: fewer, unless it sets IP_BIND_ADDRESS_NO_PORT. */
  readonly bindFirst?: { readonly usable: number };
  /** For one port of the program's own choice: the bind as asked, and with the other SO_REUSEADDR. */
  readonly attempts?: readonly ConnectAttempt[];
  /** Who holds ports by an explicit bind, the most first. */
  readonly holders: readonly ConnectHolder[];
  /** Who has the connections to this peer, where those are a tenth of the ports or more: of a sample of 256, the most first. */
  readonly connectedHolders: readonly ConnectHolder[];
  /** Whose program on this machine does not close the other ends of those in FIN-WAIT-2: of a sample of 256, the most first. */
  readonly peerHolders: readonly ConnectHolder[];
  /** Connections a second to this peer that these ports bear, when this side closes first; left out: TIME-WAIT does not limit them. */
  readonly perSecond?: number;
  readonly advice: readonly ConnectAdvice[];
  readonly incomplete: readonly Incomplete[];
}
