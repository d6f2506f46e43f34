/**
 * What Node knows of a connection and has no public name for. Only here; each answer may be undefined, and then the drain does with what is
 * public. The suite in test/graceful/ holds it to Node 20, 22 and 24.
 */
import { readSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session, Http2Stream, ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";

interface HttpSocket {
  /** Of an http connection; undefined or null after an upgrade, CONNECT, or the end. */
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
  /** The response whose turn it is. */
  readonly _httpMessage?: ServerResponse | null;
}

/** A connection on which HTTP/1 is spoken, now. */
export function speaksHttp1(socket: Socket): boolean {
  const { parser } = socket as HttpSocket;
  return parser !== undefined && parser !== null;
}

/** The response that is being made or written. Those of pipelined requests wait behind it. */
export function currentResponse(socket: Socket): ServerResponse | undefined {
  const { _httpMessage: response } = socket as HttpSocket;
  return response ?? undefined;
}

/** The newest request of the connection, as long as it is not done with. */
export function newestRequest(socket: Socket): IncomingMessage | undefined {
  return (socket as HttpSocket).parser?.incoming ?? undefined;
}

/** The body has no length and no chunks: only the end of the connection says that it is complete (RFC 9112, 6.3). */
export function endsWithConnection(response: ServerResponse): boolean {
  const { _header: header, _hasBody: hasBody } = response as { _header?: string | null; _hasBody?: boolean };
  return typeof header === "string" && hasBody !== false && !/^(?:content-length|transfer-encoding):/im.test(header);
}

/** The socket below a TLS socket of a server. */
export function rawBelow(socket: Socket): Socket {
  const { _parent: below } = socket as { _parent?: Socket | null };
  return below ?? socket;
}

/** For how long the server says, in the response that has just ended, that it keeps the connection (RFC 2068, 19.7.1.1). */
export function keepAliveHintMs(socket: Socket): number {
  const { _httpMessage: request } = socket as { _httpMessage?: { res?: IncomingMessage } | null };
  const seconds = /timeout=(\d+)/.exec(String(request?.res?.headers["keep-alive"]))?.[1];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000;
}

/**
 * Nothing has come on an idle connection, neither data nor an end: libuv's sockets do not block, so a read says so with EAGAIN. What it
 * takes is lost: the connection is of no use then anyway. True where the system has no descriptors (Windows), or Node does not say.
 */
export function isQuiet(socket: Socket): boolean {
  const { _handle: handle } = socket as { _handle?: { readonly fd?: number } | null };
  const fd = handle?.fd ?? -1;
  if (fd < 0) return !socket.destroyed;
  try {
    readSync(fd, ONE_BYTE);
    return false;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    return code === "EAGAIN" || syscall !== "read";
  }
}

const ONE_BYTE = new Uint8Array(1);

interface Handle {
  readonly fd?: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly writeQueueSize: number;
  readonly reading: boolean;
  readonly reset?: unknown;
}

function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Handle | null };
  return handle ?? undefined;
}

/** Also of a connection that was reset before anybody looked: Node no longer tells its addresses then. */
export function isTcp(raw: Socket): boolean {
  return raw.remoteFamily !== undefined || handleOf(raw)?.constructor.name === "TCP";
}

/** Not on Windows. */
export function descriptorOf(raw: Socket): number | undefined {
  const { fd = -1 } = handleOf(raw) ?? {};
  return fd < 0 ? undefined : fd;
}

/** Counts of bytes. */
export interface Traffic {
  readonly received: number;
  /** By the kernel; `pending` wait for room in its buffer. */
  readonly accepted: number;
  readonly pending: number;
  /** Neither has the program paused it, nor the peer ended. */
  readonly isRead: boolean;
}

/** Undefined without a connection. The counters are of the TCP socket, whoever reads it: an http parser and an http2 session read past the stream. */
export function trafficOf(raw: Socket, socket: Socket): Traffic | undefined {
  const handle = handleOf(raw);
  if (handle === undefined) return undefined;
  const { bytesRead: received, bytesWritten, writeQueueSize: pending } = handle;
  const isRead = handleOf(socket)?.reading !== false && !socket.readableEnded;
  return { received, accepted: bytesWritten - pending, pending, isRead };
}

/** The close that follows is a reset. Sockets that know none (a TLS client's, a pipe's) are closed. */
export function closeByReset(raw: Socket): void {
  if (typeof handleOf(raw)?.reset === "function") (raw as { resetAndClosing?: boolean }).resetAndClosing = true;
}

export function socketOfSession(session: Http2Session): Socket | undefined {
  return bySymbol(session, "socket") as Socket | undefined;
}

/**
 * The socket of an http2 session, also where only `session.socket` is at hand: that is a stand-in for it, which throws on most that is asked of it
 * and says by its own properties that it is the session. Undefined when the session is over; anything else is answered as it is.
 */
export function socketBehind<T extends object>(target: T): T | Socket | undefined {
  const key = Object.getOwnPropertySymbols(target).find(({ description }) => description === "socket");
  return key === undefined ? target : (Object.getOwnPropertyDescriptor(target, key)?.value as Socket | undefined);
}

/** The session on a socket. Node keeps it there under a key that was meant to be a symbol and is "undefined"; so it is known by what it can. */
export function sessionOf(socket: Socket): ServerHttp2Session | undefined {
  for (const key of Reflect.ownKeys(socket)) {
    const value = (socket as unknown as Record<PropertyKey, unknown>)[key];
    if (typeof (value as Partial<ServerHttp2Session> | null | undefined)?.goaway === "function")
      return value as ServerHttp2Session;
  }
  return undefined;
}

/** The open streams of a session; none if Node does not tell. */
export function openStreams(session: ServerHttp2Session): readonly Http2Stream[] {
  const state = bySymbol(session, "state") as { readonly streams?: ReadonlyMap<number, Http2Stream> } | undefined;
  return [...(state?.streams?.values() ?? [])];
}

/** Reading that the session of a socket has stopped goes on, so that the end of the stream is seen. */
export function readOn(socket: Socket): void {
  const { _handle: handle } = socket as { _handle?: { readStart?: () => unknown } | null };
  socket.resume();
  handle?.readStart?.();
}

/** The connections that a server had before anybody counted them. A TLS socket is found for http only (and for http2 since Node 24). */
export function connectionsSoFar(server: Server): Socket[] {
  const { _getActiveHandles: activeHandles } = process as unknown as { _getActiveHandles?: () => unknown[] };
  const raw = (activeHandles?.call(process) ?? []).filter((handle): handle is Socket => isSocketOf(server, handle));
  const above = [...http1Sockets(server), ...http2Sockets(server)];
  const covered = new Set(above.map(rawBelow));
  return [...above, ...raw.filter((socket) => !covered.has(socket))];
}

function isSocketOf(server: Server, handle: unknown): boolean {
  const { _server: own, server: set } = handle as { _server?: unknown; server?: unknown };
  return (own === server || set === server) && typeof (handle as Socket).end === "function";
}

function http1Sockets(server: Server): Socket[] {
  const list = bySymbol(server, "http.server.connections") as { all?: () => { socket?: Socket | null }[] } | undefined;
  return (list?.all?.() ?? []).flatMap(({ socket }) => (socket ? [socket] : []));
}

function http2Sockets(server: Server): Socket[] {
  const sessions = bySymbol(server, "sessions") as Set<object> | undefined;
  return [...(sessions ?? [])].flatMap((session) => {
    const socket = socketOfSession(session as Http2Session);
    return socket ? [socket] : [];
  });
}

function bySymbol(object: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(object).find((one) => one.description === description);
  return symbol === undefined ? undefined : (object as Record<symbol, unknown>)[symbol];
}
