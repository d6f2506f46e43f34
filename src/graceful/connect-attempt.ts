/** One attempt to connect: a local port, TCP, TLS. */
import { once } from "node:events";
import { connect, isIP, type Socket, type TcpNetConnectOpts } from "node:net";
import { isNoPort, noPortOf } from "./connect-refusal.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { inTurn } from "./local-ports.ts";
import { socketsTo } from "./peer-sockets.ts";

export interface Target extends ConnectOptions {
  readonly host: string;
  readonly timeoutMs: number;
  /** The host and the port, for people. */
  readonly where: string;
  /** Of localPorts, each. */
  readonly ports: readonly number[] | undefined;
}

export async function attempt(target: Target): Promise<Socket> {
  const { host, ports, tls } = target;
  // Before there is a socket: while a module is loaded nobody would listen to its errors.
  const secure = tls === undefined || tls === false ? undefined : (await import("node:tls")).connect;
  const raw = await (ports === undefined ? connected(target, {}) : throughAddresses(target, ports));
  // Without a server on a local port, TCP may connect a socket to itself (RFC 9293, 3.5, simultaneous open).
  if (raw.localPort === raw.remotePort && raw.localAddress === raw.remoteAddress) {
    raw.resetAndDestroy();
    throw failure("ECONNREFUSED", "connected to itself, there is no server");
  }
  if (secure === undefined) return raw;
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = secure({ host, ...name, ...(typeof tls === "object" && tls), socket: raw });
  return opened(socket, "secureConnect", target).catch((error: unknown) => {
    raw.destroy();
    throw error;
  });
}

async function throughAddresses(target: Target, ports: readonly number[]): Promise<Socket> {
  const { lookup } = await import("node:dns/promises");
  let last: unknown;
  for (const { address, family } of await lookup(target.host, { all: true, family: isIP(target.localAddress ?? "") }))
    try {
      return await throughPorts(target, ports, { host: address, family });
    } catch (error) {
      target.signal?.throwIfAborted();
      last = error;
    }
  throw last;
}

async function throughPorts(
  target: Target,
  ports: readonly number[],
  peer: { readonly host: string; readonly family: number },
): Promise<Socket> {
  const kept = await socketsTo(peer.host, target.port);
  let taken: NodeJS.ErrnoException | undefined;
  let forbidden: unknown;
  for (const localPort of inTurn(ports, kept))
    try {
      return await connected(target, { ...peer, localPort });
    } catch (error) {
      const failed = error as NodeJS.ErrnoException;
      if (isNoPort(failed)) taken = failed;
      else if (failed.code === "EACCES" && failed.syscall === "bind") forbidden = error;
      else throw error;
    }
  throw taken === undefined ? forbidden : noPortOf(ports, kept, target.where, taken);
}

function connected(target: Target, choice: Partial<TcpNetConnectOpts>): Promise<Socket> {
  const { host, port, localAddress, allowHalfOpen = false } = target;
  target.signal?.throwIfAborted();
  return opened(
    connect({ host, port, allowHalfOpen, ...(localAddress && { localAddress }), ...choice }),
    "connect",
    target,
  );
}

async function opened(socket: Socket, event: string, { timeoutMs, signal }: Target): Promise<Socket> {
  const timer = setTimeout(() => socket.destroy(failure("ETIMEDOUT", `no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    await once(socket, event, signal && { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code} ${message}`), { code });
}
