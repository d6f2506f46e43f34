/** A story about one port that is to become free: who has it, who is only near it, and what is wished for. Plain values, so that it can be made from a number, made smaller, and told. */
import type { Protocol } from "../../../src/tcp/socket.ts";

/** How the processes behave that hold the port by a listener or a bound socket, and have to end. */
export type Conduct =
  /** SIGTERM ends it. */
  | "prompt"
  /** It ignores SIGTERM. */
  | "deaf"
  /** Somebody has pressed Ctrl-Z. */
  | "stopped"
  /** It ends some time after SIGTERM. */
  | "slow"
  /** On SIGTERM it closes what holds the port, and goes on with the connection that it has. */
  | "drains"
  /** A child of it has inherited all that it holds. */
  | "forked"
  /** Three processes share it, none is another's child. */
  | "shared"
  /** As it dies it leaves a child with all that it holds. */
  | "heir"
  /** It has a child that has one of its connections and nothing else: that one is innocent. */
  | "parent"
  /** The very program that is to free the port: refused, and nothing may be touched. */
  | "self";

/** An address to bind, and the options that decide whom it gets along with. */
export interface Binding {
  readonly address: string;
  readonly v6only: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly device?: string;
}

/** Of a connection whose descriptor is closed. */
export type Left = "time-wait" | "fin-wait-2" | "fin-wait-1" | "last-ack" | "closing";
/** Of a connection that a program holds, and which must not cost the program its life. */
export type Half = "open" | "close-wait" | "fin-wait-2";

export type Occupant =
  /** Listens. So many clients are connected; `queued`: and one waits to be accepted. */
  | (Binding & {
      readonly kind: "server";
      readonly uid: number;
      readonly conduct: Conduct;
      readonly clients: number;
      readonly queued: boolean;
    })
  /** Is bound only; of UDP: as its servers are. */
  | (Binding & { readonly kind: "bound"; readonly uid: number; readonly conduct: Conduct })
  /** A connection that no program holds any more. */
  | (Binding & { readonly kind: "left"; readonly ending: Left })
  /** A connection to a listener that is gone. */
  | (Binding & { readonly kind: "accepted"; readonly ending: Half })
  /** An outgoing connection, from a port that it was given or asked for. `tidy`: its program closes what has failed. */
  | (Binding & {
      readonly kind: "client";
      readonly chosen: boolean;
      readonly tidy: boolean;
      readonly ending: Half | "syn-sent";
    });

/** What is near the port and must not be harmed. Each is a listener with a connection, unless `shape` says otherwise. */
export type Innocent =
  /** A port whose digits begin alike. */
  | { readonly kind: "alike"; readonly digits: "one-more" | "one-less"; readonly shape: Shape; readonly uid: number }
  /** The same port on an address that the question does not meet. */
  | { readonly kind: "beside"; readonly address: string; readonly shape: Shape; readonly uid: number }
  /** The same port and address in another network namespace. */
  | { readonly kind: "elsewhere"; readonly address: string }
  /** A connection from here to that port in another namespace. */
  | { readonly kind: "across"; readonly uid: number }
  /** The same port of the other protocol. */
  | { readonly kind: "other-protocol"; readonly uid: number };

export type Shape = "connection" | "time-wait" | "client" | "fin-wait-1";

export interface FreeScene {
  /** Makes this scene again. */
  readonly seed: number;
  readonly question: Binding & { readonly protocol: Protocol };
  readonly wish: { readonly dryRun: boolean; readonly force: boolean; readonly dropClients: boolean };
  /** After the plan is made, and before it is carried out, what no program held is gone, and a server has its port. */
  readonly swapped: boolean;
  readonly occupants: readonly Occupant[];
  readonly innocents: readonly Innocent[];
}

export const ROOT = 0;
export const NOBODY = 65_534;
/** Addresses of every namespace's `lo`. */
export const HERE4 = ["127.0.0.1", "127.0.0.2"] as const;
export const ASIDE4 = "127.7.7.7";
