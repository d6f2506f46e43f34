/**
 * An HTTP/2 session: a GOAWAY that names the last stream (a client knows of later ones that they were not begun: RFC 9113, 6.8), its streams
 * end, then the peer's FIN. The two-step GOAWAY of that section, which refuses nothing at first, cannot be had from Node: after any GOAWAY its
 * nghttp2 ignores new streams without a word (session_allow_incoming_new_stream()), so one that promised to take them would lose them.
 */
import type { Http2Stream, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Leaving, Terms } from "./draining.ts";
import { openStreams, readOn } from "./node-internals.ts";

/** RFC 9113, 7. By number: node:http2 costs 10 ms to load, and a server that speaks it has it anyway. */
const NO_ERROR = 0;
export class Http2Leaving implements Leaving {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #terms: () => Terms;
  readonly #reallyClose: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isLeaving = false;
  #isOver = false;

  constructor(session: ServerHttp2Session, socket: Socket, terms: () => Terms) {
    this.#session = session;
    this.#socket = socket;
    this.#terms = terms;
    this.#reallyClose = session.close.bind(session);
    // Node calls it when the peer's GOAWAY comes, and closes at once if no stream is open: just before the FIN that follows.
    session.close = (callback?: () => void) => {
      if (callback !== undefined) session.once("close", callback);
      this.#leaveOnceEmpty();
    };
    for (const stream of openStreams(session)) this.#follow(stream);
    session.on("stream", this.#follow);
    const { idleMs } = terms();
    session.goaway(NO_ERROR);
    if (idleMs === 0) this.#leaveOnceEmpty();
    else {
      this.#timer = setTimeout(() => this.#leaveOnceEmpty(), idleMs);
      this.#readOn();
    }
  }

  get owed(): number {
    return openStreams(this.#session).length;
  }

  hurry(): void {
    this.lastCall();
  }

  /** Goes first, once no stream is open: that is what Node's own close does. */
  lastCall(): void {
    clearTimeout(this.#timer);
    if (!this.#session.closed && !this.#session.destroyed) this.#reallyClose();
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  readonly #follow = (stream: Http2Stream): void => {
    stream.once("close", () => {
      if (stream.rstCode === NO_ERROR) this.#terms().requestFinished();
      if (this.#isLeaving) this.#leaveOnceEmpty();
      else this.#readOn();
    });
  };

  #leaveOnceEmpty(): void {
    this.#isLeaving = true;
    const { lingerMs } = this.#terms();
    if (lingerMs === 0) return this.lastCall();
    if (this.owed > 0 || this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.lastCall(), lingerMs);
    this.#readOn();
  }

  /** With no stream open and a GOAWAY sent, Node reads no more, and so would not see the peer's FIN. */
  #readOn(): void {
    setImmediate(() => {
      if (this.owed === 0 && !this.#session.destroyed) readOn(this.#socket);
    });
  }
}
