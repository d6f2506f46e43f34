/**
 * What Node knows of a connection and has no public name for. Only here; each answer may be undefined, and then the drain does with what is
 * public. The suite in test/graceful/ holds it to Node 20, 22 and 24.
 */
import { readSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Stream, ServerHttp2Session } from "node:http2";
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
    const socket = bySymbol(session, "socket") as Socket | undefined;
    return socket ? [socket] : [];
  });
}

function bySymbol(object: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(object).find((one) => one.description === description);
  return symbol === undefined ? undefined : (object as Record<symbol, unknown>)[symbol];
}

/** node:cluster as net.Server uses it in a worker: asks the primary for a listener. Servers with the same query and `index` share one. */
interface WorkerCluster {
  readonly isWorker: boolean;
  readonly _getServer?: (
    server: object,
    query: ClusterQuery,
    answer: (error: unknown, handle: ClosableHandle | null) => void,
  ) => void;
}

interface ClusterQuery {
  readonly address: unknown;
  readonly port: unknown;
  readonly addressType: unknown;
  readonly fd: unknown;
  readonly index?: unknown;
}

interface ClosableHandle {
  close(...args: unknown[]): unknown;
}

const joined = new WeakSet<object>();
let isPatched = false;

/**
 * Whether this is a worker of a cluster. If so, this server may ask the primary again after a refusal: each query of a worker for the same port
 * has a new `index`, also after one that was refused, so workers that asked a different number of times would not share one listener but each
 * want its own, and get EADDRINUSE for ever; and each leaves a handler of 'listening' behind. Here the index is the lowest that is not in use.
 */
export async function joinCluster(server: Server | undefined): Promise<boolean> {
  const { default: cluster } = (await import("node:cluster")) as unknown as { default: WorkerCluster };
  if (cluster.isWorker && server !== undefined) joined.add(server);
  if (cluster.isWorker && !isPatched) countAgain(cluster);
  isPatched = true;
  return cluster.isWorker;
}

function countAgain(cluster: WorkerCluster): void {
  const { _getServer: original } = cluster;
  if (original === undefined) return;
  const inUse = new Set<string>();
  const ask: typeof original = (server, query, answer) => {
    if (!joined.has(server)) return original(server, query, answer);
    let index = 0;
    const key = (): string => [query.address, query.port, query.addressType, query.fd, index].join();
    while (inUse.has(key())) index++;
    inUse.add(key());
    let onListening = (): void => {};
    const once = { value: (_: string, on: () => void) => (onListening = on) };
    // What Node counts itself are numbers, of servers that are none of ours.
    original(Object.create(server, { once }) as object, { ...query, index: `pm${index}` }, (error, handle) => {
      const close = handle?.close.bind(handle);
      const end = (...args: unknown[]): unknown => {
        inUse.delete(key());
        (server as Server).off("listening", onListening);
        return close?.(...args);
      };
      if (handle) {
        handle.close = end;
        (server as Server).once("listening", onListening);
      }
      answer(error, handle);
      // Not taken: refused, or it turned out to be bound to another port (checkBindError() in lib/net.js), and then nobody closes it.
      const { _handle: taken } = server as { _handle?: unknown };
      if (inUse.has(key()) && (!handle || taken !== handle)) end();
    });
  };
  Object.assign(cluster, { _getServer: ask });
}
