/** A connection whose protocol we do not know: net, tls, upgraded sockets, tunnels. Goodbye, quiet, FIN, and the peer's FIN. */
import type { Socket } from "node:net";
import type { ConnectionKind, Leaving, Terms } from "./draining.ts";
import type { PeerFirstClose } from "./peer-first-close.ts";

export class RawLeaving implements Leaving {
  readonly owed = 0;
  readonly #socket: Socket;
  readonly #close: PeerFirstClose;
  readonly #terms: () => Terms;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Without a `kind` there is nobody to say goodbye to. */
  constructor(socket: Socket, kind: ConnectionKind | undefined, close: PeerFirstClose, terms: () => Terms) {
    this.#socket = socket;
    this.#close = close;
    this.#terms = terms;
    const goodbye = kind === undefined ? Promise.resolve() : terms().sayGoodbye(socket, kind);
    // A socket that stays half open until the program ends it, as all of http servers: there may still be an answer to come.
    socket.once("end", () => this.#waitForQuiet());
    void goodbye.then(() => this.#waitForQuiet());
  }

  hurry(): void {
    this.lastCall();
  }

  lastCall(): void {
    this.#close.shutOwnDirection();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** An answer may be on its way: as long as bytes move in either direction, or wait to be written, we do not go first. */
  #waitForQuiet(): void {
    if (this.#stopped || this.#socket.destroyed || this.#socket.writableEnded) return;
    clearTimeout(this.#timer);
    const terms = this.#terms();
    const idleMs = this.#socket.readableEnded ? Math.min(terms.idleMs, terms.lingerMs) : terms.idleMs;
    if (idleMs === 0 && this.#socket.writableLength === 0) return this.lastCall();
    const { bytesRead, bytesWritten } = this.#socket;
    this.#timer = setTimeout(
      () => {
        const isQuiet = bytesRead === this.#socket.bytesRead && bytesWritten === this.#socket.bytesWritten;
        if (isQuiet && this.#socket.writableLength === 0) this.lastCall();
        else this.#waitForQuiet();
      },
      Math.max(idleMs, 1),
    );
  }
}
