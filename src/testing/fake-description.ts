/** What a fake machine is made of: plain data, every part of it optional. builders.ts makes the sockets and processes. */
import type {
  DescriptorLimit,
  DetachedSockets,
  LocalAddress,
  NetworkInterface,
  Rights,
  SocketSource,
  Surroundings,
  SystemFacts,
} from "../host/host.ts";
import type { SysctlLine } from "../tcp/health-snapshot.ts";
import type { ContainerState, EngineFailure } from "../tcp/container-state.ts";
import type { SignalName } from "../tcp/signals.ts";
import type { Container, Socket } from "../tcp/socket.ts";

/**
 * A socket as the kernel would show it, and the two options that it shows to nobody. The fake gives it a cookie, and an inode if a process
 * holds it, unless the test says which. The same object in two processes is one socket that both hold.
 */
export interface FakeSocket extends Omit<Socket, "owners" | "ownerless" | "netns"> {
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
}

export interface FakeProcess {
  readonly command: string;
  /** Default: numbers from 1000 on. */
  readonly pid?: number;
  readonly parentPid?: number;
  /** Default: it leads one of its own. */
  readonly processGroup?: number;
  /** Default: not told. */
  readonly sessionId?: number;
  /** Default: the command alone. */
  readonly args?: readonly string[];
  /** The letter of /proc/PID/stat; default "S". `T` is stopped. */
  readonly state?: string;
  /** Default: 1000. */
  readonly uid?: number;
  /** Clock ticks after boot; default: a number of its own. */
  readonly startTicks?: number;
  readonly startedAtMs?: number;
  readonly cgroup?: string;
  readonly unit?: string;
  /** Its name is what containerName() answers. */
  readonly container?: Container;
  /** What processEnvironment() tells, to whom may read it; a member of JSON as `NAME.MEMBER`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** These get the lowest free descriptors from 3 on. */
  readonly sockets?: readonly FakeSocket[];
  /** These get exactly these descriptors. */
  readonly fds?: Readonly<Record<number, FakeSocket>>;
  /** RLIMIT_NOFILE; default: 1024 and 524288. */
  readonly descriptorLimit?: DescriptorLimit;
  /** Default: started by its parent, without a terminal, in "/". */
  readonly surroundings?: Partial<Surroundings>;
  /** Descriptors that are no sockets; default 3. */
  readonly otherFds?: number;
  /** Signals that it catches and does not end by. */
  readonly ignores?: readonly SignalName[];
  /** May the viewer read its descriptors? Default: as root, or as the same user. */
  readonly readable?: boolean;
}

/** A container as its engine knows it. Those of processes are known without it, as running and publishing nothing. */
export interface FakeContainer extends Partial<Omit<ContainerState, "container">> {
  /** The processes that have a container of this id are in it. */
  readonly container: Container;
  /** Processes outside it that publish its ports, and end with it: docker-proxy. */
  readonly publishedBy?: readonly number[];
  /** What the engine answers instead of stopping it. */
  readonly refusesToStop?: EngineFailure;
}

/** The files of a unit of systemd. */
export interface FakeUnit {
  /** `Restart=`; default: "no". */
  readonly restart?: string;
  /** Ports of a socket unit. */
  readonly ports?: readonly number[];
  /** Whose manager's; default: the system's. */
  readonly user?: number;
}

/** A network namespace. */
export interface FakeNetns {
  readonly inode?: number;
  /** As of `ip netns`. */
  readonly names?: readonly string[];
  /** Sockets that no process holds: TIME-WAIT, orphans, connections that wait to be accepted. */
  readonly sockets?: readonly FakeSocket[];
  readonly processes?: readonly FakeProcess[];
  /** Over the defaults of a fresh kernel; undefined takes one away. */
  readonly sysctls?: Readonly<Record<string, string | undefined>>;
  /** What the kernel counts, "TcpExt.ListenOverflows"; default: nothing but the sockets of sockstat. */
  readonly counters?: Readonly<Record<string, number>>;
  /** Default: 127.0.0.1 and ::1 on lo, 192.168.1.10 and fd00::10 on eth0. */
  readonly addresses?: readonly LocalAddress[];
  readonly interfaces?: readonly NetworkInterface[];
  /** False: a kernel without IPv6. */
  readonly ipv6?: boolean;
}

export interface FakeHostDescription extends FakeNetns {
  /** Who looks, on which kernel. Default: root on Linux 6.12. */
  readonly system?: Partial<SystemFacts>;
  /** Other network namespaces; `mayEnter: false` for one that refuses. */
  readonly namespaces?: readonly (FakeNetns & { readonly mayEnter?: boolean })[];
  /** Names and numbers; default: root and deploy (1000). */
  readonly users?: Readonly<Record<string, number>>;
  /** What names resolve to; default: no name is known. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** Paths of cgroup v2 and their ids. */
  readonly cgroups?: Readonly<Record<string, number>>;
  /** Bits of capabilities; default: all for root, none for others. */
  readonly capabilities?: readonly number[];
  readonly rights?: Partial<Rights>;
  /** `procfs`: as on a machine without the native part, with all that /proc/net does not show left out. */
  readonly source?: SocketSource;
  readonly detached?: Partial<DetachedSockets>;
  /** By their names, as "api.service". */
  readonly units?: Readonly<Record<string, FakeUnit>>;
  /** What the files say that are applied at boot. */
  readonly sysctlLines?: readonly SysctlLine[];
  readonly containers?: readonly FakeContainer[];
  /** What every engine answers to whatever it is asked: that its socket may not be opened. */
  readonly engine?: EngineFailure;
  /** How the machine looks to whoever looks again; default: the same. */
  readonly later?: FakeHostDescription;
}
