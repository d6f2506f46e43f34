/**
 * What can be done to a machine, apart from what can be asked of it (host.ts). Every action names exactly what it is done to: a connection
 * by its full identity, cookie and device included; a process by its pid and its start time, held as a pidfd. What is there no longer, or
 * is another by now, is answered with an errno and left alone. Answers are "ok" or the errno's name. Containers are named by their whole id,
 * and answer with sentences: what stands in the way there is seldom a system call.
 *
 * Whatever is opened here has one owner, who closes it once; closing twice is harmless.
 */
import type { StopAnswer } from "../tcp/container-state.ts";
import type { SignalName } from "../tcp/signals.ts";
import type { Container, Endpoint, Family } from "../tcp/socket.ts";
import type { SocketBatch } from "./socket-batch.ts";

/** What a host has to say of acting. A recording is history, and a namespace that may only be looked at stays as it is. */
export type Actions = HostActions | NoActions;

export interface NoActions {
  readonly unable: "recording" | "native" | "right";
  readonly why: string;
  readonly hint: string;
}

export interface HostActions {
  /** Until it is released the network namespace is there, also when its last process has ended. */
  hold(): HeldNamespace;

  /** An empty list of connections. */
  targets(): TargetList;

  /**
   * SOCK_DESTROY for the targets from `from` up to `to`, many in a request. Needs CAP_NET_ADMIN over the network namespace. A hundred take
   * about 0.3 ms, in which nothing else of this program runs.
   */
  destroy(targets: TargetList, from: number, to: number): DestroyAnswer;

  /** ESRCH: it has ended, and perhaps another process has its pid by now. EPERM does not come from here but from what is done with it. */
  openProcess(process: ProcessIdentity): ProcessHandle | { readonly errno: string };

  /** Sockets that end from now on (the multicast groups of sock_diag). Needs no right. */
  followDestroyed(): DestroyedSockets | { readonly errno: string };

  /**
   * Has the container stopped by its engine, over the engine's local socket: its own stop signal first (SIGTERM, if it did not choose
   * another), SIGKILL after `graceMs`. A restart policy does not start it again. Settles when it has stopped, at the latest a few seconds
   * after the grace; when `signal` aborts, at once, and then the engine stops it all the same.
   */
  stopContainer(container: Container, options: StopOptions): Promise<StopAnswer>;
}

export interface HeldNamespace {
  release(): void;
}

export interface StopOptions {
  /** Engines count in seconds: it is rounded up to them. */
  readonly graceMs: number;
  readonly signal?: AbortSignal;
}

/** A connection as SOCK_DESTROY needs it. A listener has no other end, so that none can be named. */
export interface ConnectionId {
  readonly family: Family;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** The device that the socket is bound to. It must be said, also that there is none: the kernel looks for exactly that. */
  readonly interface: string | undefined;
  readonly cookie: string;
}

/** TCP connections by their full identity, kept small: a hundred thousand take 6 MB. */
export interface TargetList {
  readonly length: number;
  /**
   * Takes a socket of a batch that has just been handed over by the same host. False, and it is not taken: it listens, is only bound, has
   * no cookie, or is no TCP socket.
   */
  addFrom(batch: SocketBatch, index: number): boolean;
  /** False, and it is not taken: the device is gone, or the other end has no port. */
  add(connection: ConnectionId): boolean;
  /** By its number, from 0. */
  at(index: number): ConnectionId;
  /** Is this socket among the targets? By its cookie. */
  has(batch: SocketBatch, index: number): boolean;
}

export interface DestroyAnswer {
  readonly destroyed: number;
  /**
   * ENOENT: gone already, or another socket by now. EPERM: no right. EOPNOTSUPP: this kernel cannot, or not in this state. Targets that
   * are neither here nor counted do not exist.
   */
  readonly failed: readonly { readonly index: number; readonly errno: string }[];
}

/** A pid alone can be somebody else's tomorrow. */
export interface ProcessIdentity {
  readonly pid: number;
  /** As of ProcessFacts. */
  readonly startTicks: number;
}

export interface ProcessHandle {
  readonly pid: number;
  /** ESRCH: it has ended. EPERM: another user's. */
  signal(name: SignalName): string;
  /** What signal() would answer; nothing is sent. */
  maySignal(): string;
  /** The last of its threads is gone, and the kernel has closed all that it held. */
  hasEnded(): boolean;
  /** Duplicates a descriptor if the socket behind it has this cookie; else ESTALE. Needs the right to ptrace the process. */
  duplicateSocket(fd: number, cookie: string): DuplicatedSocket | { readonly errno: string };
  close(): void;
}

/** Another descriptor of somebody's socket: while it is open, the socket outlives its owner. */
export interface DuplicatedSocket {
  /** Ends the connection in order: what was written is delivered, then both ends read the end of the file. */
  shutdown(): string;
  /** Ends it at once, for both ends (connect() to AF_UNSPEC): what was not delivered is lost. */
  reset(): string;
  /** Sets SO_REUSEADDR: unless it listens, whoever sets it too can bind beside it. */
  allowReuse(): string;
  close(): void;
}

export interface DestroyedSockets {
  /** What has ended since the last look; never waits. */
  read(): DestroyedReport;
  close(): void;
}

export interface DestroyedReport {
  /** A connection that goes to TIME-WAIT is told here too, with the cookie that it keeps there. The port is 0 after some resets. */
  readonly sockets: readonly { readonly localPort: number; readonly cookie: string }[];
  /** More ended than the kernel keeps for us: look for yourself. */
  readonly lost: boolean;
}
