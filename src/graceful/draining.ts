/** What the parts of a drain know of each other. */
import type { Socket } from "node:net";

/** http1: between or in requests. upgraded: a WebSocket or another protocol that began as HTTP, and CONNECT tunnels. raw: net and tls. */
export type ConnectionKind = "http1" | "http2" | "upgraded" | "raw";

/** The patience that is left. A hasty drain has neither idleMs nor lingerMs. */
export interface Terms {
  readonly idleMs: number;
  readonly lingerMs: number;
  readonly hasty: boolean;
  readonly sayGoodbye: (socket: Socket, kind: ConnectionKind) => Promise<void>;
  readonly requestFinished: () => void;
}

/** One connection on its way out. */
export interface Leaving {
  /** The drain has become hasty. */
  hurry(): void;
  /** lingerMs before the end: what waits for the peer without owing it a response goes first now. */
  lastCall(): void;
  /** Requests whose response is owed. */
  readonly owed: number;
  /** The drain is over, or the socket: timers end, what was changed of a socket is put back. */
  stop(): void;
}
