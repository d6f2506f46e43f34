/** One drain: the order of things, the clock, and the count. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server as HttpServer, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import type { DrainOptions, DrainProgress, DrainReport, Patience } from "./drain-options.ts";
import { LeavingConnection } from "./leaving-connection.ts";
import type { ConnectionKind, Terms } from "./draining.ts";
import { rawBelow } from "./node-internals.ts";
import type { Ending } from "./peer-first-close.ts";
import { stopListening } from "./stop-listening.ts";
import { connectionKey, countTimeWaits } from "./time-waits.ts";
import { connectionsOf } from "./watch.ts";

/** Published for each HTTP/1 request, before anybody handles it; nothing else tells of those that wait for 100-continue. */
const REQUEST_START = "http.server.request.start";
const PROGRESS_MS = 250;
/** A flood of new clients must not keep the listener open. */
const ACCEPT_TURNS = 100;
/** Those that are led out in one turn of the loop: between the turns, their FINs go out, and what is in flight goes on. */
const LED_AT_ONCE = 128;
/** After an abort Node takes a turn or two of its loop to tell that the sockets are closed. */
const ABORTED_BY_MS = 50;

interface RequestStart {
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly server: HttpServer;
}

export class Drain {
  readonly report: Promise<DrainReport>;
  readonly #options: DrainOptions;
  readonly #servers: readonly Server[];
  readonly #listening: Set<Server>;
  /** By the TCP socket. */
  readonly #leaving = new Map<Socket, LeavingConnection>();
  readonly #localPorts = new Map<Server, number>();
  readonly #counts = { connections: 0, closedByPeer: 0, closedByUs: 0, aborted: 0, requestsFinished: 0 };
  readonly #timeWaitCandidates = new Set<number>();
  readonly #hookErrors: unknown[] = [];
  readonly #startedAt = performance.now();
  readonly #undo: (() => void)[] = [];
  #patience: Patience;
  #termsNow: Terms | undefined;
  #hasty = false;
  #isLastCall = false;
  #isOver = false;
  #deadline: number;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #lastCallTimer: NodeJS.Timeout | undefined;
  #settle: (() => void) | undefined;
  #told = "";

  constructor(servers: readonly Server[], patience: Patience, options: DrainOptions) {
    this.#servers = servers;
    this.#listening = new Set(servers.filter(({ listening }) => listening));
    this.#patience = patience;
    this.#options = options;
    this.#deadline = this.#startedAt + patience.graceMs;
    this.report = this.#run();
  }

  /** A second call: the shorter patience, and one more signal to be hasty. */
  shorten({ graceMs }: Patience, signal?: AbortSignal): void {
    this.#setDeadline(Math.min(this.#deadline, performance.now() + graceMs));
    this.#obey(signal);
  }

  async #run(): Promise<DrainReport> {
    const done = new Promise<void>((resolve) => (this.#settle = resolve));
    this.#follow();
    this.#obey(this.#options.signal);
    this.#setDeadline(this.#deadline);
    this.#tell();
    await this.#acceptQueued();
    for (const server of this.#servers) stopListening(server);
    void this.#lead();
    const ticker = setInterval(() => this.#tell(), PROGRESS_MS);
    this.#undo.push(() => clearInterval(ticker));
    this.#finishWhenEmpty();
    await done;
    clearTimeout(this.#deadlineTimer);
    clearTimeout(this.#lastCallTimer);
    for (const undo of this.#undo) undo();
    this.#isOver = true;
    this.#counts.aborted += this.#leaving.size;
    for (const connection of this.#leaving.values()) connection.release();
    const durationMs = performance.now() - this.#startedAt;
    const timeWaitLeft = await countTimeWaits(this.#timeWaitCandidates);
    this.#tell();
    return {
      ...this.#counts,
      durationMs: Math.round(durationMs),
      ...(timeWaitLeft === undefined ? {} : { timeWaitLeft }),
      ...(this.#hookErrors.length === 0 ? {} : { hookErrors: this.#hookErrors }),
    };
  }

  /**
   * Clients that the kernel has already connected are taken in: closing the listener would reset them (inet_csk_listen_stop()). Those who come
   * between the last accept and the close are lost all the same; only a listener that somebody else holds too keeps them.
   */
  async #acceptQueued(): Promise<void> {
    for (let turn = 0, before = -1; turn < ACCEPT_TURNS && before !== this.#counts.connections; turn++) {
      before = this.#counts.connections;
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    }
  }

  async #lead(): Promise<void> {
    let led = 0;
    for (const connection of this.#leaving.values()) {
      if (this.#isOver) return;
      this.#begin(connection);
      // Also: they have begun a microtask later.
      if (++led % LED_AT_ONCE === 0) await new Promise(setImmediate);
    }
    await Promise.resolve();
    await this.#tellDraining();
  }

  /** Everybody who is connected, and who comes as long as the listener is open. */
  #follow(): void {
    const onStart = (message: unknown): void => {
      const { socket, response, server } = message as RequestStart;
      this.#leaving.get(rawBelow(socket))?.began(response, server);
    };
    subscribe(REQUEST_START, onStart);
    this.#undo.push(() => unsubscribe(REQUEST_START, onStart));
    for (const server of this.#servers) {
      const watched = connectionsOf(server);
      const { sockets } = watched;
      this.#undo.push(watched.onConnection((raw, socket) => this.#take(server, raw, socket)));
      for (const [raw, socket] of sockets) this.#take(server, raw, socket);
      const onClose = (): void => {
        this.#listening.delete(server);
        this.#finishWhenEmpty();
      };
      server.once("close", onClose);
      this.#undo.push(() => server.off("close", onClose));
      this.#letFinish(server as HttpServer);
    }
  }

  /** A client that has shut its own direction still gets its response; Node would end the connection at once. */
  #letFinish(server: HttpServer & { httpAllowHalfOpen?: boolean }): void {
    const { httpAllowHalfOpen: before } = server;
    if (before === undefined) return;
    server.httpAllowHalfOpen = true;
    this.#undo.push(() => (server.httpAllowHalfOpen = before));
  }

  #take(server: Server, raw: Socket, socket: Socket): void {
    const known = this.#leaving.get(raw);
    if (known !== undefined) return known.secured(socket);
    this.#counts.connections++;
    const connection = new LeavingConnection(server, raw, socket, this.#terms, this.#closed);
    this.#leaving.set(raw, connection);
    // Those of the first moment begin together, once the listener is closed.
    if (!server.listening) this.#begin(connection);
  }

  #begin(connection: LeavingConnection): void {
    const { server, raw } = connection;
    connection.key = connectionKey(this.#localPort(server, raw), raw.remotePort);
    connection.begin();
  }

  /** Asking the kernel for each of ten thousand costs as much as a listener. */
  #localPort(server: Server, raw: Socket): number | undefined {
    const known = this.#localPorts.get(server);
    if (known !== undefined) return known;
    const { localPort } = raw;
    if (localPort !== undefined) this.#localPorts.set(server, localPort);
    return localPort;
  }

  readonly #closed = (connection: LeavingConnection, ending: Ending): void => {
    this.#leaving.delete(connection.raw);
    this.#counts[ending]++;
    if (ending === "closedByUs") this.#timeWaitCandidates.add(connection.key);
    this.#finishWhenEmpty();
  };

  readonly #terms = (): Terms => {
    if (this.#termsNow !== undefined) return this.#termsNow;
    const terms = {
      ...(this.#hasty ? { idleMs: 0, lingerMs: 0 } : this.#isLastCall ? this.#lastPatience() : this.#patience),
      hasty: this.#hasty,
      sayGoodbye: this.#sayGoodbye,
      requestFinished: this.#requestFinished,
    };
    // Every moment has its own at the end.
    if (this.#hasty || !this.#isLastCall) this.#termsNow = terms;
    return terms;
  };

  /** Who is led out, or done, after the last call: half of what is left for the peer to close first, half after our FIN. */
  #lastPatience(): Pick<Terms, "idleMs" | "lingerMs"> {
    return { idleMs: 0, lingerMs: Math.max(0, this.#deadline - performance.now()) / 2 };
  }

  readonly #requestFinished = (): void => void this.#counts.requestsFinished++;

  readonly #sayGoodbye = async (socket: Socket, kind: ConnectionKind): Promise<void> => {
    try {
      await this.#options.beforeClose?.(socket, { kind });
    } catch (error) {
      this.#hookErrors.push(error);
    }
  };

  async #tellDraining(): Promise<void> {
    try {
      await this.#options.onDraining?.();
    } catch (error) {
      this.#hookErrors.push(error);
    }
  }

  #obey(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    if (signal.aborted) return this.#hurry();
    const onAbort = (): void => this.#hurry();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#undo.push(() => signal.removeEventListener("abort", onAbort));
  }

  #hurry(): void {
    if (this.#hasty) return;
    this.#hasty = true;
    this.#termsNow = undefined;
    this.#setDeadline(Math.min(this.#deadline, performance.now() + this.#patience.hastyGraceMs));
    for (const connection of this.#leaving.values()) connection.hurry();
  }

  #setDeadline(deadline: number): void {
    this.#deadline = deadline;
    clearTimeout(this.#deadlineTimer);
    clearTimeout(this.#lastCallTimer);
    const remainingMs = Math.max(0, deadline - performance.now());
    this.#deadlineTimer = setTimeout(() => this.#abort(), remainingMs);
    if (this.#hasty || this.#isLastCall || remainingMs === 0) return;
    this.#lastCallTimer = setTimeout(
      () => this.#lastCall(),
      remainingMs - Math.min(this.#patience.lingerMs, remainingMs / 2),
    );
  }

  #lastCall(): void {
    this.#isLastCall = true;
    this.#termsNow = undefined;
    for (const connection of this.#leaving.values()) connection.lastCall();
  }

  #abort(): void {
    for (const connection of this.#leaving.values()) connection.abort();
    for (const server of this.#servers) {
      stopListening(server);
      // What Node did not tell of when it was asked, it still may know.
      (server as Partial<HttpServer>).closeAllConnections?.();
    }
    setTimeout(() => this.#settle?.(), ABORTED_BY_MS);
  }

  #finishWhenEmpty(): void {
    if (this.#leaving.size === 0 && this.#listening.size === 0) this.#settle?.();
  }

  #tell(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    let requestsInFlight = 0;
    for (const { owed } of this.#leaving.values()) requestsInFlight += owed;
    const now = performance.now();
    const numbers = { ...this.#counts, open: this.#leaving.size, requestsInFlight, hasty: this.#hasty };
    const text = JSON.stringify(numbers);
    if (text === this.#told) return;
    this.#told = text;
    const progress: DrainProgress = {
      ...numbers,
      durationMs: Math.round(now - this.#startedAt),
      remainingMs: Math.max(0, Math.round(this.#deadline - now)),
    };
    try {
      onProgress(progress);
    } catch (error) {
      this.#hookErrors.push(error);
    }
  }
}
