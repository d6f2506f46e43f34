/**
 * The only way from the rest of the program to a machine. `host/linux/` answers from the running kernel, `host/replay/` from a recording,
 * `testing/` from what a test says. All of them pass the same contract suite (test/contracts/).
 *
 * A method answers with plain values that survive JSON, so that every answer can be recorded. It never guesses: what could not be read is
 * `undefined` or an answer with an `errno`. All methods are synchronous, each one or a few system calls, but those that ask somebody else:
 * `containerName`, `containerState`, `findPublisher` and `resolveName`.
 */
import type { SysctlLine } from "../tcp/health-snapshot.ts";
import type { ContainerAnswer, PublisherAnswer } from "../tcp/container-state.ts";
import type { Container, Family, Protocol, Socket } from "../tcp/socket.ts";
import type {
  DescriptorLimit,
  DetachedSockets,
  HeldSocketOptions,
  ProcessFacts,
  ProcessSummary,
  SocketFds,
  Surroundings,
} from "./process-answers.ts";

export type {
  DescriptorLimit,
  DetachedSockets,
  HeldSocketOptions,
  ProcessFacts,
  ProcessSummary,
  SocketFds,
  Surroundings,
} from "./process-answers.ts";
export type {
  BindAnswer,
  BindAttempt,
  DumpRequest,
  DumpSummary,
  NameAnswer,
  SocketDump,
  SocketId,
  SourceAnswer,
  SourceQuestion,
} from "./socket-questions.ts";
import type { Actions } from "./actions.ts";
import type {
  BindAnswer,
  BindAttempt,
  DumpRequest,
  NameAnswer,
  SocketDump,
  SocketId,
  SourceAnswer,
  SourceQuestion,
} from "./socket-questions.ts";

export type { SocketBatch } from "./socket-batch.ts";

export interface Host {
  readonly kind: "linux" | "replay" | "fake";

  /** What can be done here, beyond looking; or why nothing can. */
  readonly actions: Actions;

  /** What does not change while one command runs. */
  system(): SystemFacts;

  /** This host, acting in another network namespace. Throws PM_NETNS_NOT_FOUND or PM_NETNS_FORBIDDEN. */
  enter(netns: NetnsRef): Host;

  /** The same machine and namespace, looked at anew: a host remembers its list of processes, so that one command gives one answer. */
  again(): Host;

  /** The network namespace this host acts in, as far as it can be told. */
  netns(): NetnsFacts;

  /** Where sockets come from on this machine, tried, not guessed. */
  socketSource(): SocketSource;

  /**
   * The sockets that the request asks for, batch by batch as the kernel hands them over; a batch is valid only until the next one is asked
   * for. No socket comes twice (by cookie). The filter narrows what the kernel sends where the kernel can do it; unless `exactFilter` says
   * so, sockets that do not match can still be among the answers.
   */
  dumpSockets(request: DumpRequest): SocketDump;

  /** One socket by its full identity, cookie included; undefined when it is gone. */
  getSocket(id: SocketId): Socket | undefined;

  /** Creates a socket with these options, binds it, closes it. Nothing is sent and nothing listens. */
  probeBind(attempt: BindAttempt): BindAnswer;

  /** The local address of a connection to this address, and whether there is a way at all. Nothing is sent. */
  sourceAddress(question: SourceQuestion): SourceAnswer;

  /** The addresses of a name, by the system's resolver of the program's own namespace. It may ask the network. */
  resolveName(name: string): Promise<NameAnswer>;

  /** A kernel setting of this network namespace, by its dotted name; undefined when this kernel does not have it or does not show it. */
  sysctl(name: string): string | undefined;

  /**
   * Every setting of `net.`, `fs.file-max` and `fs.nr_open` in the files that are applied at boot, in the order in which they are
   * (sysctl.d(5)).
   */
  sysctlLines(): readonly SysctlLine[];

  /**
   * What the kernel counts of TCP: "Tcp.RetransSegs" and "TcpExt.ListenOverflows" of this namespace since it was made; "sockstat.TCP.tw" of
   * this namespace now, "sockstat.TCP.orphan", "…alloc" and "…mem" of all namespaces together. One that this kernel lacks is left out.
   */
  counters(): Readonly<Record<string, number>>;

  /** Addresses of this namespace's devices. */
  localAddresses(): readonly LocalAddress[];

  /** Names of this namespace's devices. */
  interfaces(): readonly NetworkInterface[];

  /** Every process that /proc shows, with what can be told cheaply. */
  processes(): readonly ProcessSummary[];

  /** More about one process; undefined when it is gone. */
  process(pid: number): ProcessFacts | undefined;

  /**
   * The values of these environment variables as the process was started with them, without those that it lacks. `NAME.MEMBER` is one member
   * of a JSON object in NAME. An environment holds secrets: nothing else of it is told. Undefined when the process is gone, or may not be read
   * (which needs the right to ptrace it).
   */
  processEnvironment(pid: number, names: readonly string[]): Readonly<Record<string, string>> | undefined;

  /** RLIMIT_NOFILE of a process; undefined when it is gone. */
  descriptorLimit(pid: number): DescriptorLimit | undefined;

  /**
   * How many descriptors a process has, counted one by one: for kernels whose `processes()` do not tell. Undefined when they are surely fewer
   * than `atLeast`, and when the process is gone or its descriptors may not be read.
   */
  descriptorCount(pid: number, atLeast: number): number | undefined;

  /** Whom a process was started by, on which terminal and in which directory; undefined when it is gone. */
  surroundings(pid: number): Surroundings | undefined;

  /** The processes from which this one can have its descriptors, or they from it: its ancestors and its descendants; undefined: not told. */
  relatives(pid: number): readonly number[] | undefined;

  /** The sockets among a process' descriptors; with `below`, only descriptors smaller than that are looked at, of these from `from` on. */
  socketFds(pid: number, below?: number, from?: number): SocketFds;

  /** The inode of the socket behind one descriptor; undefined when it is none, is gone, or may not be looked at. */
  socketInode(pid: number, fd: number): number | undefined;

  /** Sockets that no descriptor table shows: those registered with io_uring, and processes with descriptors on their way in Unix sockets. */
  detachedSockets(): DetachedSockets;

  /** SO_REUSEADDR and the like of another process' socket, by duplicating its descriptor (pidfd_getfd; needs the right to ptrace it). */
  socketOptions(pid: number, fd: number): HeldSocketOptions;

  /** An effective capability of this process over this network namespace, by its bit (10 is CAP_NET_BIND_SERVICE); undefined when it cannot be read. */
  hasCapability(bit: number): boolean | undefined;

  userName(uid: number): string | undefined;
  userId(name: string): number | undefined;

  /** The cgroup-v2 path with this id, below the mount; undefined when it is gone or hidden. */
  cgroupPath(id: number): string | undefined;
  cgroupId(path: string): number | undefined;

  /**
   * `Restart=` of a service unit, by its files: "no" where they do not say; undefined when there are none that can be read. `user`: of that
   * user's own manager.
   */
  serviceRestart(unit: string, user?: number): string | undefined;

  /** The socket units whose files name this port, of whatever address. `user`: of that user's own manager. */
  socketUnits(port: number, user?: number): readonly string[];

  /** A container's name, from a file or the engine's local socket. Never takes longer than a quarter of a second. */
  containerName(container: Container): Promise<string | undefined>;

  /**
   * A container as its engine tells of it now, over the engine's local socket; or why it does not. containerd and CRI-O tell nothing. Takes
   * no longer than two seconds. Needs the right to open the socket: for docker's that is root or the group docker.
   */
  containerState(container: Container): Promise<ContainerAnswer>;

  /**
   * Which running container publishes this port of the host. For a port whose holder is no process of a container but works for one:
   * docker-proxy, rootlessport, conmon. `address` is that of the holder's socket. Takes no longer than two seconds.
   */
  findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer>;

  /** The network namespaces that can be found, each with a path or a pid by which it can be entered. */
  namespaces(): readonly NamespaceFacts[];

  /** What this user may do, found out by trying. */
  rights(): Rights;
}

export interface SystemFacts {
  readonly platform: string;
  readonly kernelRelease: string;
  readonly architecture: string;
  /** Wall clock at the reading, ms since the epoch. */
  readonly nowMs: number;
  readonly uid: number;
  readonly pid: number;
}

/** How a user names a network namespace: a name of `ip netns`, a path, or a pid. */
export type NetnsRef = { readonly name: string } | { readonly path: string } | { readonly pid: number };

export interface NetnsFacts {
  /** The namespace's inode number, as in `net:[4026531840]`. */
  readonly inode?: number;
}

export type SocketSource =
  | { readonly kind: "sock_diag" }
  /** Read-only tables of /proc/net: no cookie, no device, no bound-only sockets, no kernel filter. `why` says why not sock_diag. */
  | { readonly kind: "procfs"; readonly why: string; readonly hint: string }
  | { readonly kind: "none"; readonly why: string };

export interface LocalAddress {
  readonly address: string;
  readonly family: Family;
  readonly interface: string;
  readonly prefixLength: number;
}

export interface NetworkInterface {
  readonly name: string;
  readonly index: number;
}

export interface NamespaceFacts {
  readonly inode: number;
  /** Names below /run/netns and /run/docker/netns. */
  readonly names: readonly string[];
  /** A path that enters it. */
  readonly path?: string;
  /** A process in it (the smallest pid). */
  readonly pid?: number;
  /** How many processes that /proc shows are in it. */
  readonly processes: number;
}

/** What a probe said. `lacks`: whether a right would help, or only another kernel. `unknown` carries why it could not be tried. */
export type Probed =
  | { readonly answer: "yes" }
  | {
      readonly answer: "no";
      readonly lacks: "right" | "kernel";
      readonly why: string;
      /** The right is one outside of this user namespace: being root in it does not help. */
      readonly outside?: true;
    }
  | { readonly answer: "unknown"; readonly why: string };

export interface Rights {
  /** CAP_NET_ADMIN over this network namespace. */
  readonly netAdmin: Probed;
  /** SOCK_DESTROY works here: tried on a listener of our own. */
  readonly sockDestroy: Probed;
  /** Descriptors of other users' processes can be read (CAP_SYS_PTRACE). */
  readonly ptrace: Probed;
  /** /proc shows other users' processes (hidepid). */
  readonly seesAllProcesses: Probed;
}
