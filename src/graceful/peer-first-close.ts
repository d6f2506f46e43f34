/**
 * The active close left to the peer. Who closes first keeps the connection in TIME-WAIT (RFC 9293, 3.6.1), so a server waits for the peer's FIN
 * first, for a time. A close with bytes unread in the receive queue is a reset, which can destroy at the peer what was sent but not yet read
 * (RFC 9112, 9.6; tcp_close() in net/ipv4/tcp.c); so when it must go first it shuts only its own direction and reads on.
 */
import type { Socket } from "node:net";
import { resetSocket } from "./reset-socket.ts";
import { afterMs } from "./shared-timer.ts";

export type Ending = "closedByPeer" | "closedByUs" | "aborted";

export class PeerFirstClose {
  readonly #raw: Socket;
  readonly #socket: Socket;
  #cancel: (() => void) | undefined;
  #peerHasEnded: boolean;
  #ending: Ending | undefined;
  #stopped = false;

  constructor(raw: Socket, socket: Socket) {
    this.#raw = raw;
    this.#socket = socket;
    this.#peerHasEnded = socket.readableEnded;
    // Where both directions have ended before anybody looked, ours mostly was the answer: http servers end what their client has ended.
    if (socket.readableEnded) this.#ending = "closedByPeer";
    socket.prependListener("end", this.#onEnd);
    socket.once("error", this.#onError);
    if (raw !== socket) raw.once("error", this.#onError);
  }

  /** How it ended; of use once the socket is closed. */
  get ending(): Ending {
    return this.#ending ?? "closedByUs";
  }

  /** Waits `lingerMs` for the peer's FIN, then shuts our direction and waits once more, then closes. 0: shuts at once, and closes. */
  closeAfterPeer(lingerMs: number): void {
    if (this.#peerHasEnded || lingerMs === 0) this.#shutAndClose();
    else this.#after(lingerMs, () => this.shutOwnDirection(lingerMs));
    // Somebody has to read, or the FIN is never seen.
    this.#socket.resume();
  }

  /** A FIN, after all that is still to be written. The peer may still send; with `closeAfterMs` for that long. */
  shutOwnDirection(closeAfterMs?: number): void {
    if (this.#socket.destroyed) return;
    if (!this.#peerHasEnded) this.#ending ??= "closedByUs";
    if (!this.#socket.writableEnded) this.#socket.end();
    quietEnd(this.#socket);
    // Nobody reads it: what comes is thrown away, so that the peer's FIN is seen.
    if (this.#socket.readableFlowing === null) this.#socket.resume();
    if (closeAfterMs !== undefined) this.#after(closeAfterMs, () => this.#closeWhenWritten());
  }

  /** A reset; what is still to be written is lost. Where all was written and our FIN is sent, only the descriptor is closed. */
  abort(): void {
    this.stop();
    if (this.#raw.destroyed && this.#socket.destroyed) return;
    if (this.#socket.writableFinished && this.#raw.writableLength === 0) {
      this.#ending ??= "closedByUs";
      this.#raw.destroy();
    } else {
      this.#ending = "aborted";
      resetSocket(this.#raw);
    }
    this.#socket.destroy();
  }

  /** No timer after this. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  readonly #onEnd = (): void => {
    this.#peerHasEnded = true;
    if (!this.#socket.writableEnded) this.#ending ??= "closedByPeer";
    if (this.#cancel !== undefined) this.#shutAndClose();
  };

  /** A reset by the peer leaves no TIME-WAIT here; any other failure of the connection is no orderly end. */
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#ending ??= error.code === "ECONNRESET" || error.code === "EPIPE" ? "closedByPeer" : "aborted";
  };

  #shutAndClose(): void {
    this.shutOwnDirection();
    this.#closeWhenWritten();
  }

  #closeWhenWritten(): void {
    this.#cancel?.();
    if (this.#socket.writableFinished) this.#socket.destroy();
    else this.#socket.once("finish", () => this.#socket.destroy());
  }

  #after(ms: number, work: () => void): void {
    this.#cancel?.();
    if (!this.#stopped) this.#cancel = afterMs(ms, work);
  }
}

/**
 * A second end() makes an error with its stack, which nobody sees: a third of the whole time where ten thousand are drained. Node's http server
 * calls it when the client ends.
 */
function quietEnd(socket: Socket): void {
  if (!Object.hasOwn(socket, "end")) socket.end = endAgain;
}

function endAgain(this: Socket, ...args: unknown[]): Socket {
  if (args.length === 0) return this;
  const { end } = Object.getPrototypeOf(this) as { end: (this: Socket, ...args: unknown[]) => Socket };
  return end.apply(this, args);
}
