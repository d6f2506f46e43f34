/** What a scene consists of once it is there. */
import type { Socket } from "../../../src/tcp/socket.ts";
import type { FreeResult } from "../../../src/tcp/free-plan.ts";
import type { Bystander } from "./bystander.ts";
import type { Owner } from "./owner.ts";
import type { FreeScene, Occupant } from "./scene.ts";

/** One end of a connection, in the hands of somebody who can be asked to use it. */
export interface End {
  readonly by: Bystander;
  /** A descriptor of this program until it is handed over, then of the bystander. */
  fd: number;
}

export interface Connection {
  readonly near: End;
  /** An owner gives everything back, if it does. */
  readonly far: End | Owner;
  /** The end with the port; left out: nothing may happen to this connection. */
  readonly portCookie?: string;
  readonly what: string;
}

/** A socket with the port in question, as it was made. */
export interface Piece {
  readonly occupant: Occupant;
  /** Whoever holds it. */
  readonly owners: readonly Owner[];
  readonly bystander?: End;
  /** This program holds it. */
  readonly mine?: boolean;
  /** The connection with which a server goes on that drains. */
  readonly goesOn?: boolean;
}

export interface Played {
  readonly scene: FreeScene;
  readonly port: number;
  /** What did not come to be as planned. */
  readonly told: string[];
  /** By cookie. */
  readonly pieces: Map<string, Piece>;
  /** Cookies of sockets that nothing may happen to. */
  readonly innocent: Set<string>;
  readonly connections: Connection[];
  /** Of bystanders, which must go on accepting. */
  readonly listeners: {
    readonly end: End;
    readonly address: string;
    readonly port: number;
    readonly beyond: boolean;
  }[];
  readonly owners: Owner[];
  /** All that this program has given to bystanders. */
  readonly given: End[];
  /** To be closed by their program when they fail. */
  readonly tidy: End[];
  /** Descriptors that this program keeps until the end of the scene. */
  readonly kept: number[];
}

/** What was planned to be ended was gone when its turn came. */
export interface Swap {
  readonly gone: string;
  /** The cookie of the server that has taken its place, where one could. */
  readonly server?: string;
}

export interface Verdict {
  readonly swap?: Swap;
  readonly result: FreeResult;
  /** What a bind made by the test answered right after it. */
  readonly bind: string;
}

export type World = ReadonlyMap<string, { readonly socket: Socket; readonly beyond: boolean }>;
