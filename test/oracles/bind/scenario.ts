/** A story about one port: who has it, and who asks for it. Plain values, so that it can be made from a number, made smaller, and told. */
import type { BindQuestion } from "../../../src/tcp/bind-snapshot.ts";
import type { Protocol } from "../../../src/tcp/socket.ts";

/** How far a connection has come, and by whom. "orphan": its descriptor is closed. */
export type Ending =
  | "open"
  | "unaccepted"
  | "time-wait"
  | "close-wait"
  | "fin-wait-2"
  | "fin-wait-2-orphan"
  | "fin-wait-1-orphan"
  | "last-ack-orphan"
  | "closing-orphan"
  | "syn-sent"
  /** UDP: connected, and the connection taken back. */
  | "disconnected";

export type Role =
  /** bind(), and nothing else. */
  | "bound"
  /** bind() and listen(); `late`: the listen() after all the others are there. */
  | "listening"
  /** A connection to a listener of its own, which may be closed then. */
  | "server"
  /** bind() and connect(). */
  | "client"
  /** connect() with this port chosen by the kernel. */
  | "auto-client";

export interface OwnerPlan {
  readonly role: Role;
  readonly address: string;
  readonly v6only: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly uid: number;
  readonly device?: string;
  /** The address that a wildcard is reached by, or that a client connects to. */
  readonly target: string;
  readonly ending: Ending;
  readonly late: boolean;
  /** Of a server: the listener is closed once it has its connection. */
  readonly listenerGone: boolean;
  /** Of a server: the user of the process that accepts. */
  readonly acceptedBy: number;
}

export interface Scenario {
  /** Makes this scenario again. */
  readonly seed: number;
  readonly protocol: Protocol;
  readonly privilegedPort: boolean;
  /** With ip_nonlocal_bind. */
  readonly nonlocal: boolean;
  /** Owners that listen late do so between the bind that is asked about and its listen(). */
  readonly lateBetween: boolean;
  readonly owners: readonly OwnerPlan[];
  readonly question: Omit<BindQuestion, "port" | "uid"> & { readonly uid: number };
}

export const NOBODY = 65_534;
export const ROOT = 0;

/** The addresses of the scene (scene.ts), by device. */
export const OWN4 = ["127.0.0.1", "127.0.0.2", "10.77.0.1"] as const;
export const OWN6 = ["::1", "fd77::1"] as const;
/** Of this machine, and no owner's. */
export const ASIDE = ["127.7.7.7", "fd78::7"] as const;
/** Sends nothing back. */
export const SILENT4 = "10.77.0.200";
export const SILENT6 = "fd77::200";
export const DEVICES = ["lo", "pm0"] as const;
