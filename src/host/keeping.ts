/**
 * What a machine offers to whoever keeps a program on its port (keep/), apart from looking (host.ts) and acting (actions.ts): programs are
 * started so that their bind(2) and listen(2) are told here before the kernel carries them out, and sockets of theirs can be held, and put
 * in the place of another life's. Descriptors have one owner each, who closes them once; closing twice is harmless.
 */
import type { Family, Protocol } from "../tcp/socket.ts";

/** Why programs cannot be started like this; `step` is what was refused. */
export interface CannotKeep {
  readonly step: string;
  readonly errno: string;
}

export interface HostKeeping {
  /** Starts a launcher and waits until it stands at its gate: from then on `start()` costs one execve(2). */
  prepare(program: ProgramOptions): Promise<PreparedProgram | CannotKeep>;

  /** A socket of our own, bound, and listening if it is TCP; for a program that takes it as it starts (`ProgramOptions.passed`). */
  bindListener(endpoint: ListenerEndpoint, options: ListenerOptions): PassedSocket | CannotKeep;

  /** Has the program one of these words in its text, or a script that it is given? A guess at what it knows. */
  mentions(program: Pick<ProgramOptions, "command" | "args" | "cwd" | "env">, words: readonly string[]): boolean;

  /** Is the socket behind this descriptor of a process still that one? Undefined: the process may not be looked at. */
  holds(pid: number, fd: number, inode: number): boolean | undefined;

  /**
   * A descriptor of this socket in a process that came of this one, as of a quarter of a second ago. `sinceTicks`: one that was started by then
   * or later.
   */
  findHolder(inode: number, sinceTicks?: number): { readonly pid: number; readonly fd: number } | undefined;

  /**
   * Sends a signal (undefined: none) to what is left of lives before the one that `current` began: processes whose parents have ended.
   * Undefined: of all. Answers how many there are.
   */
  signalRemains(name: NodeJS.Signals | undefined, current: StartedProgram | undefined): number;

  /** A process whose parent, a program of ours, has ended, as if it were the program. Undefined: it is none of our children, or gone. */
  follow(pid: number): StartedProgram | undefined;

  /** No call is answered any more. Programs that live on are answered by a launcher that waits, if there is one, and so for good. */
  close(): void;
}

export interface ProgramOptions {
  /** The program's file, or its name to be searched for in PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** What it is told that it is called; default: `command`. */
  readonly argv0?: string;
  readonly cwd?: string;
  /** Default: this process' own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default "inherit". */
  readonly stdio?: "inherit" | "ignore" | readonly ["ignore" | "inherit", number, number];
  /** Left out: it is under no filter, nothing is told of its calls, and of what it leaves behind only what was seen while its parents lived. */
  readonly calls?: CallHandler;
  /**
   * What it gets as descriptors 3, 4, 5 …, in this order, with LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES in its environment
   * (sd_listen_fds(3)). They block, as at every start, unless another process has them too. They stay the caller's.
   */
  readonly passed?: readonly PassedDescriptor[];
}

export interface PassedDescriptor {
  readonly fd: number;
  /** What a list of names cannot have in it (colons, control characters) becomes "_". */
  readonly name: string;
}

export interface ListenerEndpoint extends BindAddress {
  readonly protocol: Protocol;
  /** Only for IPv6; left out: as the system has it (net.ipv6.bindv6only). */
  readonly v6only?: boolean;
}

export interface ListenerOptions {
  readonly backlog: number;
  /** For TCP alone: on UDP it would let others take the datagrams. */
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
}

/** Both are called in the turn in which the call was received; a call that was not answered then goes to the kernel. They must not throw. */
export interface CallHandler {
  onBind(call: BindCall): void;
  onListen(call: ListenCall): void;
  /** No process is left of this life, the program's children included. */
  onLastGone(): void;
}

export interface PreparedProgram {
  readonly pid: number;
  /** PR_SET_NO_NEW_PRIVS had to be set. */
  readonly noNewPrivs: boolean;
  /** Once. Answers when the program runs, or what execve(2) said. */
  start(): Promise<StartedProgram | { readonly errno: string; readonly path: string }>;
  /** The launcher is ended; harmless after `start()`. */
  discard(): void;
  /** Settles when the process has ended, whatever it was by then. */
  readonly ended: Promise<ProgramEnd>;
}

export interface StartedProgram {
  readonly pid: number;
  /** When it went through the gate: clock ticks after boot. */
  readonly startedTicks: number;
  readonly ended: Promise<ProgramEnd>;
  /** False: it has ended. */
  signal(name: NodeJS.Signals): boolean;
  /** Of its file, of a script's interpreter; undefined: could not be read. Calls of 32 bits are not told. */
  readonly bits: 32 | 64 | undefined;
}

export type ProgramEnd = { readonly status: number } | { readonly signal: NodeJS.Signals };

interface SocketCall {
  /** The process, not the thread. */
  readonly pid: number;
  /** Its effective user; undefined: could not be read. */
  readonly uid: number | undefined;
  readonly fd: number;
  /** When it was heard: clock ticks after boot. */
  readonly heardTicks: number;
  /** A second descriptor of the caller's socket, which is ours. */
  duplicate(): KeptSocket | { readonly errno: string };
  /** The kernel carries the call out, and what it says reaches the program. */
  letThrough(): void;
}

export interface BindCall extends SocketCall {
  /** Undefined: no address of a family that can be kept, or its memory cannot be read. */
  readonly address: BindAddress | undefined;
  /** Of a Unix socket that is to have a path: as the program wrote it. Abstract names end with their holder. */
  readonly unixPath: string | undefined;
  /**
   * Unlinks `unixPath` if a socket lies there to which nobody is bound, and which the caller itself may unlink: its own, or it is root.
   * Anything else stays, and false is the answer. The call still waits.
   */
  clearPath(): boolean;
  /** Is the socket with this inode, the caller's own, in an epoll set of the caller already? What is put in its place would not be. */
  isWatched(inode: number): boolean;
  /**
   * Puts `kept` in the place of the caller's descriptor, of which `own` is our duplicate, and answers the call with success. It has the flags
   * of the descriptor (O_CLOEXEC, O_NONBLOCK …) and the options of `own`, no peer and no multicast groups, as a socket that was made just
   * now. `isShared`: another process accepts on it, whose accept(2) must not begin to block. Not "ok": the caller has its own still, and the
   * call waits.
   */
  replaceWith(kept: KeptSocket, own: KeptSocket, isShared: boolean): string;
}

export interface BindAddress {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
  /** Of a link-local address; else 0. */
  readonly scopeIndex: number;
}

export interface ListenCall extends SocketCall {
  readonly backlog: number;
}

/** What two sockets must have in common to stand for each other. */
export interface SocketPlace {
  readonly protocol: Protocol;
  readonly family: Family;
  readonly address: string;
  /** 0: not bound. */
  readonly port: number;
  readonly scopeIndex: number;
  /** Only for IPv6. */
  readonly v6only: boolean | undefined;
  /** Multipath TCP is another protocol to the kernel. */
  readonly multipath: boolean;
  /** SO_REUSEPORT, which cannot be changed any more once a socket is bound. */
  readonly reusePort: boolean;
  /** SO_BINDTODEVICE by index; 0: none. */
  readonly deviceIndex: number;
  /** SO_NETNS_COOKIE; undefined before Linux 5.14. */
  readonly netns: string | undefined;
}

/** A descriptor of ours of a program's socket: while it is open, the socket outlives the program. */
export interface KeptSocket {
  readonly inode: number;
  readonly cookie: string | undefined;
  /** Undefined: neither TCP nor UDP over IPv4 or IPv6. */
  place(): SocketPlace | undefined;
  isListening(): boolean;
  /** Connections that wait to be accepted; undefined: it does not listen. */
  waitingCount(): number | undefined;
  /** SO_REUSEADDR. The answer is "ok" or an errno's name, here and below. */
  setReuseAddr(): string;
  listen(backlog: number): string;
  /** Whoever waits to be accepted is reset, the port stays bound, listen(2) opens it again. */
  stopListening(): string;
  close(): void;
}

export interface PassedSocket extends KeptSocket {
  /** -1 once it is closed. */
  readonly fd: number;
}
