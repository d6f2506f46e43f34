/** The close of a client that leaves it to the server to go first, and with it the TIME-WAIT. */
import type { Socket } from "node:net";
import { requireMs } from "./drain-options.ts";
import { rawBelow } from "./node-internals.ts";
import { PeerFirstClose } from "./peer-first-close.ts";

export interface CloseLastOptions {
  /** For the peer to close; then, after our FIN, once more. Default 1000. */
  readonly timeoutMs?: number;
}

export interface CloseLastReport {
  /**
   * Whose FIN came first: that side keeps the TIME-WAIT. "aborted": a reset by us, with data that the peer did not take, or a connection that failed.
   * Left out where the socket was closed before.
   */
  readonly closedBy?: "peer" | "us" | "aborted";
  readonly durationMs: number;
}

/**
 * Ends a connection whose peer is to close first, as who closes first keeps the TIME-WAIT and its port (RFC 9293, 3.6.1). Waits `timeoutMs` for the
 * peer's FIN, or close_notify of TLS; then shuts our direction, so that the peer sees an end, and reads on; closes after `timeoutMs` more, with a
 * reset where the peer has not taken all that was written. What comes meanwhile still goes to who listens to "data", or else is thrown away.
 *
 * The peer has to know that it is done: the protocol's goodbye, or `Connection: close`, comes before. Not for the connections of an http
 * agent, which are the agent's.
 *
 * @throws PortmortemError PM_USAGE for no number of milliseconds.
 */
export async function closeLast(socket: Socket, { timeoutMs = 1000 }: CloseLastOptions = {}): Promise<CloseLastReport> {
  requireMs("timeoutMs", 2 * timeoutMs);
  const startedAt = performance.now();
  if (socket.destroyed) return { durationMs: 0 };
  const close = new PeerFirstClose(rawBelow(socket), socket);
  return new Promise((resolve) => {
    const timer = setTimeout(() => close.abort(), 2 * timeoutMs);
    socket
      .on("error", () => {})
      .once("close", () => {
        clearTimeout(timer);
        close.stop();
        resolve({ closedBy: CLOSED_BY[close.ending], durationMs: Math.round(performance.now() - startedAt) });
      });
    close.closeAfterPeer(timeoutMs);
  });
}

const CLOSED_BY = { closedByPeer: "peer", closedByUs: "us", aborted: "aborted" } as const;
