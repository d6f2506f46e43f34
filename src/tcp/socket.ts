/** The words for a socket, as docs/cli.md promises them to scripts. A value that the kernel did not tell is left out. */
import type { SocketState } from "./states.ts";
import type { TcpInfo } from "./tcp-info.ts";

export type Protocol = "tcp" | "udp";
export type Family = "ipv4" | "ipv6";

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface LocalEndpoint extends Endpoint {
  /** The device that the socket is bound to (SO_BINDTODEVICE or a scope id), by name. */
  readonly interface?: string;
}

export type TimerKind = "retransmit" | "keepalive" | "time-wait" | "zero-window-probe" | "delayed-ack";

export interface SocketTimer {
  readonly kind: TimerKind;
  readonly remainingMs: number;
  readonly retransmits: number;
}

/** Of a connection: bytes not yet read and bytes not yet acknowledged (a FIN counts as one). Of a listener: connections to accept. */
export type Queues =
  | { readonly receiveBytes: number; readonly sendBytes: number }
  | { readonly accepting: number; readonly backlog?: number };

/** SK_MEMINFO_* of include/uapi/linux/sock_diag.h. */
export interface SocketMemory {
  readonly receiveAllocBytes: number;
  readonly receiveBufferBytes: number;
  readonly sendAllocBytes: number;
  readonly sendBufferBytes: number;
  readonly forwardAllocBytes: number;
  readonly sendQueuedBytes: number;
  readonly optionBytes: number;
  readonly backlogBytes?: number;
  readonly drops?: number;
}

/** The bits of struct inet_diag_sockopt that are set, by the kernel's names. */
export type SocketOptionName =
  | "recverr"
  | "is_icsk"
  | "freebind"
  | "hdrincl"
  | "mc_loop"
  | "transparent"
  | "mc_all"
  | "nodefrag"
  | "bind_address_no_port"
  | "recverr_rfc4884"
  | "defer_connect";

export interface Container {
  readonly runtime: "docker" | "containerd" | "cri-o" | "podman";
  readonly id: string;
  readonly name?: string;
}

/** A process that holds a descriptor of the socket. */
export interface Owner {
  readonly pid: number;
  readonly fd: number;
  readonly command: string;
  readonly args?: readonly string[];
  readonly user?: string;
  readonly uid?: number;
  readonly startedAt?: string;
  /** The letter of /proc/PID/stat: R S D Z T … `T` is a stopped (Ctrl-Z) process. */
  readonly state?: string;
  readonly unit?: string;
  /** The user whose own systemd runs the unit; left out: the system's. */
  readonly userManager?: number;
  readonly container?: Container;
}

/**
 * Why a socket has no owner: `kernel` is an orphan that only the kernel still holds; `unaccepted` waits in a listener's accept queue;
 * `in-flight` is held by a descriptor that travels in a Unix socket or that is registered with io_uring.
 */
export type Ownerless = "kernel" | "unaccepted" | "no-permission" | "other-namespace" | "in-flight" | "unknown";

export interface Socket {
  readonly protocol: Protocol;
  readonly family: Family;
  readonly state: SocketState;
  readonly local: LocalEndpoint;
  /** Left out for LISTEN, and for BOUND unless it was connected once. */
  readonly remote?: Endpoint;
  readonly queues?: Queues;
  readonly timer?: SocketTimer;
  readonly v6only?: boolean;
  readonly uid?: number;
  /** Left out where no descriptor exists (the kernel says 0). */
  readonly inode?: number;
  /** The kernel's 64-bit identity of the socket (SO_COOKIE), "0x" and 16 digits. */
  readonly cookie?: string;
  readonly mark?: number;
  /** The cgroup-v2 directory at the socket's creation, a path below the mount; and its id where no path was found. */
  readonly cgroup?: string;
  readonly cgroupId?: number;
  readonly netns?: number;
  readonly owners?: readonly Owner[];
  readonly ownerless?: Ownerless;
  readonly info?: TcpInfo;
  readonly memory?: SocketMemory;
  readonly congestion?: string;
  /** The upper layer protocol, "tls" or "mptcp". */
  readonly ulp?: string;
  readonly options?: readonly SocketOptionName[];
  /** Which halves are shut: bit 0 receiving, bit 1 sending (sk_shutdown). */
  readonly shutdown?: number;
}

/** Something that could not be read, why, and which right or setting would show it. */
export interface Incomplete {
  readonly what: string;
  readonly why: string;
  readonly hint?: string;
}
