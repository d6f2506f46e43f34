/** What listen() is asked, and what it answers. */
import type { Server } from "node:net";
import type { PortHolders } from "./port-holders.ts";

export interface ListenOptions {
  /** 0 or left out: one that the kernel chooses. */
  readonly port?: number;
  /** Left out: every address. */
  readonly host?: string;
  /** Of a Unix socket, in place of a port. */
  readonly path?: string;
  readonly backlog?: number;
  readonly ipv6Only?: boolean;
  /** In a worker of a cluster: its own listener instead of the one that the primary shares out. */
  readonly exclusive?: boolean;
  /** SO_REUSEPORT: several processes of one user share the port. Node has it since 22.12 and 23.1. */
  readonly reusePort?: boolean;
  /** How long to wait for the port while it is taken. Default 2000. */
  readonly retryMs?: number;
  /**
   * Which of the listeners that systemd or `portmortem run` has opened (LISTEN_FDS): by name, by its place in the order (from 0), or none
   * (false). Left out: the one of the port that is asked for; without a port the next.
   */
  readonly inherited?: string | number | false;
  /** Fail (PM_SHADOWED) where a listener of one address would get what comes to it in place of this one of every address. */
  readonly refuseShadowed?: boolean;
  /** Its abort ends the waiting. It does not close a server that listens. */
  readonly signal?: AbortSignal;
  /** Told once, when the port is taken and it is known who holds it, or that this cannot be told. */
  readonly onWait?: (wait: PortWait) => void;
}

export interface PortWait extends PortHolders {
  /** Until listen() gives up. */
  readonly remainingMs: number;
}

export interface Listening {
  /** What was given, or what an app has made of itself. */
  readonly server: Server;
  /** Undefined of a Unix socket. */
  readonly port: number | undefined;
  /** Or the path of a Unix socket. */
  readonly address: string;
  readonly inherited: boolean;
  readonly waitedMs: number;
  /** What was asked for and could not be found out. */
  readonly incomplete?: readonly string[];
}
