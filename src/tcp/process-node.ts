/** A process as far as it concerns whoever wants it to end: who it is for certain, whom it belongs to, and who would start it anew. */
import type { Container } from "./socket.ts";

export interface ProcessNode {
  readonly pid: number;
  /** Clock ticks after boot: with the pid, its identity. */
  readonly startTicks: number;
  /** 0: it was started from outside this pid namespace. */
  readonly parentPid: number;
  /** What Ctrl-C in its terminal would end; 0: that of a process outside this pid namespace. */
  readonly processGroup: number;
  /** Whoever makes one of its own (setsid) means to outlive its terminal's Ctrl-C. Left out where it is not known. */
  readonly sessionId?: number;
  readonly command: string;
  readonly args: readonly string[];
  /** The letter of /proc/PID/stat. */
  readonly state: string;
  readonly uid?: number;
  readonly unit?: string;
  /** The uid of the user whose own service manager runs that unit; left out: the system's. */
  readonly userManager?: number;
  readonly container?: Container;
}

/** Who starts a program again when it has ended. */
export interface Supervisor {
  readonly kind: string;
  /** What the supervisor calls the program: "api.service", "api". */
  readonly name?: string;
  /** The supervisor's own process, where it has one that can be seen. */
  readonly pid?: number;
  /** The process that it starts again. */
  readonly of: number;
  /** One clause: "pm2 restarts it". */
  readonly text: string;
  /** How the supervisor is told to leave it stopped. */
  readonly command?: string;
  /** `change`: not at once, but with the next change of a file. `perhaps`: it depends on how it was set up. */
  readonly restarts: "at-once" | "change" | "perhaps";
}
