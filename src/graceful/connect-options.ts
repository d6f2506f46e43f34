/** What connect() is told. */
import type { ConnectionOptions } from "node:tls";
import type { LocalPorts } from "./local-ports.ts";

export interface ConnectOptions {
  /** Default "localhost". */
  readonly host?: string;
  readonly port: number;
  readonly localAddress?: string;
  /**
   * Only from these, as services ask that trust ports below 1024 (rresvport(3)): "600-1023", [600, 1023] or 700. Each connect begins at another
   * one; those that have a TIME-WAIT or another socket to this peer are tried last.
   */
  readonly localPorts?: LocalPorts;
  /** TLS on the connection: true, or the options of tls.connect(). */
  readonly tls?: boolean | ConnectionOptions;
  /** The socket stays open when the peer has shut its direction. */
  readonly allowHalfOpen?: boolean;
  /** For a connection to be made, and once more for TLS; with `localPorts` for each address of the name. Default 10 000. */
  readonly timeoutMs?: number;
  /**
   * After a failure that may pass: up to `count` more attempts (default none), as long as `totalMs` (default 30 000) are not over. In between
   * 100 ms, doubled each time up to 5 s, of which a random half is left away.
   */
  readonly retries?: { readonly count: number; readonly totalMs?: number };
  /** Ends the attempt, not the connection. */
  readonly signal?: AbortSignal;
}
