/** An HTTP/1 connection: the responses that are owed, the last of them with `Connection: close`, then the peer's FIN. */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { announceClose } from "./announce-close.ts";
import type { Leaving, Terms } from "./draining.ts";
import { currentResponse, endsWithConnection, newestRequest, speaksHttp1 } from "./node-internals.ts";
import type { PeerFirstClose } from "./peer-first-close.ts";
import { afterMs } from "./shared-timer.ts";

export class Http1Leaving implements Leaving {
  readonly #socket: Socket;
  readonly #close: PeerFirstClose;
  readonly #terms: () => Terms;
  readonly #upgraded: () => void;
  readonly #owed = new Set<ServerResponse>();
  #newest: ServerResponse | undefined;
  #cancelIdle: (() => void) | undefined;
  /** After it no request is taken: `Connection: close` or a FIN has been sent. */
  #hasAnnounced = false;
  /** All that was owed is sent. */
  #isLeaving = false;

  constructor(socket: Socket, close: PeerFirstClose, terms: () => Terms, upgraded: () => void) {
    this.#socket = socket;
    this.#close = close;
    this.#terms = terms;
    this.#upgraded = upgraded;
    // What Node calls after the last response; its own would close at once, which makes us the active closer.
    socket.destroySoon = () => this.#leave();
    const response = currentResponse(socket);
    if (response === undefined) this.#waitForRequest();
    else this.#owe(response, newestRequest(socket) === response.req ? response : undefined);
  }

  get owed(): number {
    return this.#owed.size;
  }

  /** A request came. After `Connection: close` none is begun any more (RFC 9112, 9.6: the client knows that it was not). */
  began(response: ServerResponse, server: HttpServer): void {
    if (this.#hasAnnounced) dropRequest(server);
    else this.#owe(response, response);
  }

  hurry(): void {
    if (this.#isLeaving) this.#close.closeAfterPeer(0);
    else this.lastCall();
  }

  lastCall(): void {
    if (this.#owed.size === 0 && !this.#isLeaving) this.#leaveUnasked();
  }

  stop(): void {
    this.#cancelIdle?.();
  }

  #owe(response: ServerResponse, newest: ServerResponse | undefined): void {
    this.#cancelIdle?.();
    this.#newest = newest;
    this.#owed.add(response);
    announceClose(response, () => {
      if (response !== this.#newest) return false;
      this.#hasAnnounced = true;
      return true;
    });
    response.once("finish", () => this.#terms().requestFinished());
    response.once("close", () => {
      this.#owed.delete(response);
      this.#next();
    });
  }

  /** Requests that were pipelined before the drain began are met when their turn comes. */
  #next(): void {
    if (this.#socket.destroyed || this.#isLeaving) return;
    const response = currentResponse(this.#socket);
    if (response !== undefined && !this.#owed.has(response))
      this.#owe(response, this.#newest ?? (newestRequest(this.#socket) === response.req ? response : undefined));
    else if (this.#owed.size === 0) this.#waitForRequest();
  }

  /** Between requests: the client may send one more, which is told to close, or close by itself. */
  #waitForRequest(): void {
    const { idleMs } = this.#terms();
    if (idleMs === 0) return this.#leaveUnasked();
    if (this.#socket.destroyed) return;
    // Node's own keep-alive timer would destroy the socket.
    this.#socket.setTimeout(0);
    const { bytesRead } = this.#socket;
    this.#cancelIdle = afterMs(idleMs, () => {
      if (this.#owed.size > 0) return;
      // A request is on its way in.
      if (speaksHttp1(this.#socket) && this.#socket.bytesRead !== bytesRead) this.#waitForRequest();
      else this.#leaveUnasked();
    });
  }

  #leaveUnasked(): void {
    this.stop();
    if (!speaksHttp1(this.#socket)) return this.#upgraded();
    this.#isLeaving = true;
    this.#hasAnnounced = true;
    this.#close.shutOwnDirection(this.#terms().lingerMs);
  }

  #leave(): void {
    this.stop();
    this.#isLeaving = true;
    this.#hasAnnounced = true;
    const { lingerMs } = this.#terms();
    if (this.#newest !== undefined && needsOurEnd(this.#newest)) this.#close.shutOwnDirection(lingerMs);
    else this.#close.closeAfterPeer(lingerMs);
  }
}

/** The client can tell only by our FIN that this was all; of HTTP/1.0 we assume that it waits for that. */
function needsOurEnd(response: ServerResponse): boolean {
  return isOld(response.req) || endsWithConnection(response);
}

function isOld({ httpVersionMajor: major, httpVersionMinor: minor }: IncomingMessage): boolean {
  return major < 1 || (major === 1 && minor === 0);
}

/**
 * Called between the parsing of a request and the call of its handler (diagnostics channel `http.server.request.start`): Node looks at the
 * limit right after, drops the request, and nobody's handler is called.
 */
function dropRequest(server: HttpServer): void {
  const { maxRequestsPerSocket: before } = server;
  if (before === BELOW_ONE) return;
  server.maxRequestsPerSocket = BELOW_ONE;
  queueMicrotask(() => {
    server.maxRequestsPerSocket = before;
  });
}

/** A limit that is set, and that the first request is already over. */
const BELOW_ONE = 0.5;
