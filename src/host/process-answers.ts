/** What a host answers about processes and their descriptors. */
import type { ProcessPlace } from "../tcp/health-snapshot.ts";
import type { Container } from "../tcp/socket.ts";

export interface ProcessSummary {
  readonly pid: number;
  /** Left out where this user may not look. */
  readonly netns?: number;
  readonly uid?: number;
  /** Size of the descriptor table (st_size of /proc/PID/fd, since Linux 6.2); left out when not told. */
  readonly fdCount?: number;
}

export interface ProcessFacts {
  readonly pid: number;
  readonly parentPid: number;
  /** 0: of a process outside this pid namespace. Left out by recordings that are older than this fact. */
  readonly processGroup?: number;
  /** As the process group. */
  readonly sessionId?: number;
  readonly command: string;
  readonly args: readonly string[];
  /** The letter of /proc/PID/stat. */
  readonly state: string;
  /** Clock ticks after boot: with the pid, a process' identity. */
  readonly startTicks: number;
  /** Wall clock, ms since the epoch. */
  readonly startedAtMs?: number;
  readonly uid?: number;
  /** The cgroup-v2 path, else the path of systemd's v1 hierarchy. */
  readonly cgroup?: string;
  readonly unit?: string;
  readonly container?: Container;
  readonly netns?: number;
}

/** Left out: unlimited. */
export interface DescriptorLimit {
  readonly soft?: number;
  readonly hard?: number;
}

export type Surroundings = Omit<ProcessPlace, "pid" | "startedAtMs">;

export type SocketFds =
  | {
      readonly fds: readonly { readonly fd: number; readonly inode: number }[];
      /** Every descriptor was looked at. */
      readonly complete: boolean;
    }
  | { readonly errno: string };

export interface DetachedSockets {
  readonly ioUring: readonly { readonly pid: number; readonly inode: number }[];
  /** Processes with a Unix socket in whose queue descriptors wait (`scm_fds` of fdinfo). */
  readonly inFlight: readonly number[];
  /** This program sees only a part of the machine's processes: it is in a pid namespace of its own. */
  readonly ownPidNamespace: boolean;
}

export type HeldSocketOptions =
  | { readonly reuseAddr: boolean; readonly reusePort: boolean; readonly v6only?: boolean; readonly cookie?: string }
  | { readonly errno: string };
