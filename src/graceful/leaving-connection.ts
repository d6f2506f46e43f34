/** One connection of a drain: what it speaks, which can change while it lasts, and who leads it out. */
import type { Server as HttpServer, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import type { Leaving, Terms } from "./draining.ts";
import { Http1Leaving } from "./http1-leaving.ts";
import { Http2Leaving } from "./http2-leaving.ts";
import { sessionOf, speaksHttp1 } from "./node-internals.ts";
import { type Ending, PeerFirstClose } from "./peer-first-close.ts";
import { RawLeaving } from "./raw-leaving.ts";
import { wasReset } from "./reset-socket.ts";

type OnClosed = (connection: LeavingConnection, ending: Ending) => void;

export class LeavingConnection {
  readonly server: Server;
  readonly raw: Socket;
  /** The `connectionKey`, once it has begun. */
  key = 0;
  readonly #terms: () => Terms;
  readonly #onClose: () => void;
  #socket: Socket;
  #close: PeerFirstClose;
  #leaving: Leaving | undefined;
  #hasBegun = false;
  #handshakeTimer: NodeJS.Timeout | undefined;

  constructor(server: Server, raw: Socket, socket: Socket, terms: () => Terms, onClosed: OnClosed) {
    this.server = server;
    this.raw = raw;
    this.#socket = socket;
    this.#terms = terms;
    this.#close = new PeerFirstClose(raw, socket);
    this.#onClose = () => {
      this.stop();
      onClosed(this, wasReset(raw) ? "aborted" : this.#close.ending);
    };
    raw.once("close", this.#onClose);
  }

  get owed(): number {
    return this.#leaving?.owed ?? 0;
  }

  /** TLS has been agreed on: the program has this socket from now on. Its protocol is set up by listeners that come after ours. */
  secured(socket: Socket): void {
    if (socket === this.#socket) return;
    this.stop();
    this.#leaving = undefined;
    this.#socket = socket;
    this.#close = new PeerFirstClose(this.raw, socket);
    if (this.#hasBegun) queueMicrotask(() => this.#lead());
  }

  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    // Whoever was told of the connection before us may not have set it up yet.
    queueMicrotask(() => this.#lead());
  }

  began(response: ServerResponse, server: HttpServer): void {
    if (this.#leaving instanceof Http1Leaving) this.#leaving.began(response, server);
  }

  hurry(): void {
    if (this.#leaving !== undefined) this.#leaving.hurry();
    else if (this.#hasBegun) this.abort();
  }

  lastCall(): void {
    this.#leaving?.lastCall();
  }

  abort(): void {
    this.stop();
    this.#close.abort();
  }

  stop(): void {
    clearTimeout(this.#handshakeTimer);
    this.#leaving?.stop();
    this.#close.stop();
  }

  /** It is nobody's any more: it stays as it is. */
  release(): void {
    this.stop();
    this.raw.off("close", this.#onClose);
  }

  #lead(): void {
    if (this.raw.destroyed || this.#leaving !== undefined) return;
    const isHttp1 = speaksHttp1(this.#socket);
    const session = isHttp1 ? undefined : sessionOf(this.#socket);
    if (isHttp1) this.#leaving = new Http1Leaving(this.#socket, this.#close, this.#terms, () => this.#leadRaw());
    else if (session !== undefined) this.#leaving = new Http2Leaving(session, this.#socket, this.#terms);
    else if (isTls(this.server) && this.raw === this.#socket && this.raw.bytesWritten === 0)
      this.#handshakeTimer = setTimeout(() => this.abort(), Math.max(this.#terms().idleMs, 1));
    else this.#leadRaw();
  }

  #leadRaw(): void {
    const speaksHttp = typeof (this.server as Partial<HttpServer>).requestTimeout === "number";
    // A goodbye on the TCP socket below TLS would be noise to the peer.
    const isBlind = isTls(this.server) && this.raw === this.#socket;
    const kind = isBlind ? undefined : speaksHttp ? "upgraded" : "raw";
    this.#leaving = new RawLeaving(this.#socket, kind, this.#close, this.#terms);
  }
}

function isTls(server: Server): boolean {
  return typeof (server as Partial<TlsServer>).setSecureContext === "function";
}
