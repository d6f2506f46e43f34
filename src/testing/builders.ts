/** Sockets and processes for fake machines, with what is usual filled in. Endpoints are written as users write them: "127.0.0.1:8080". */
import { PortmortemError } from "../base/errors.ts";
import { parseEndpoint } from "../tcp/endpoint.ts";
import type { Endpoint, Family, Socket } from "../tcp/socket.ts";
import type { SocketState } from "../tcp/states.ts";
import type { FakeProcess, FakeSocket } from "./fake-description.ts";

/** Anything of the socket that the builder's own options do not say. */
type Details = Partial<Omit<FakeSocket, "local" | "remote" | "state" | "protocol" | "family" | "v6only">>;

export interface ListenerOptions extends Details {
  readonly port: number;
  /** Default `::`. */
  readonly address?: string;
  /** Default false: `::` takes IPv4 too. */
  readonly v6only?: boolean;
  readonly device?: string;
}

/** A listening server as Node, nginx and most others make it: `::` dual-stack, with SO_REUSEADDR. */
export function listener(options: ListenerOptions): FakeSocket {
  return holder("LISTEN", { queues: { accepting: 0, backlog: 511 }, reuseAddr: true, ...options });
}

/** A socket that holds its port and neither listens nor is connected. Linux before 6.8 does not show it. */
export function bound(options: ListenerOptions): FakeSocket {
  return holder("BOUND", options);
}

export interface ConnectionOptions extends Details {
  readonly local: string;
  readonly remote: string;
  /** Default ESTABLISHED. */
  readonly state?: SocketState;
  readonly device?: string;
}

/**
 * One end of a TCP connection. In a process it is open; among a namespace's own sockets it is an orphan, or, where the port has a
 * listener, it waits to be accepted.
 */
export function connection(options: ConnectionOptions): FakeSocket {
  const { local, remote, state = "ESTABLISHED", device, ...details } = options;
  const at = endpoint(local);
  return {
    protocol: "tcp",
    family: familyOf(at.address),
    state,
    local: { ...at, ...(device === undefined ? {} : { interface: device }) },
    remote: endpoint(remote),
    queues: { receiveBytes: 0, sendBytes: 0 },
    ...NO_REUSE,
    ...details,
  };
}

export interface TimeWaitOptions extends Details {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Default: a port of 127.0.0.1 (or ::1). */
  readonly peer?: string;
  /** Default 60 s. */
  readonly remainingMs?: number;
}

/** What is left of a connection that this side closed first. By default of a program that did not set SO_REUSEADDR, so it is in the way. */
export function timeWait(options: TimeWaitOptions): FakeSocket {
  const { port, address = "127.0.0.1", peer, remainingMs = 60_000, ...details } = options;
  const loopback = address.includes(":") ? "[::1]" : "127.0.0.1";
  return connection({
    local: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
    remote: peer ?? `${loopback}:50000`,
    state: "TIME-WAIT",
    timer: { kind: "time-wait", remainingMs, retransmits: 0 },
    ...details,
  });
}

export interface UdpOptions extends ListenerOptions {
  /** With it the socket is connected. */
  readonly remote?: string;
}

export function udp(options: UdpOptions): FakeSocket {
  const { remote, ...rest } = options;
  const socket = holder("BOUND", rest);
  return {
    ...socket,
    protocol: "udp",
    ...(remote === undefined ? {} : { state: "ESTABLISHED", remote: endpoint(remote) }),
  };
}

/** A process: `program("nginx", { pid: 812, sockets: [listener({ port: 8080 })] })`. */
export function program(command: string, options: Omit<FakeProcess, "command"> = {}): FakeProcess {
  return { command, ...options };
}

const NO_REUSE = { reuseAddr: false, reusePort: false } as const;

function holder(state: SocketState, options: ListenerOptions): FakeSocket {
  const { port, address = "::", v6only, device, ...details } = options;
  const family = familyOf(address);
  return {
    protocol: "tcp",
    family,
    state,
    local: { address, port, ...(device === undefined ? {} : { interface: device }) },
    queues: { receiveBytes: 0, sendBytes: 0 },
    // A bind to one IPv6 address is V6ONLY whatever was set (__inet6_bind).
    ...(family === "ipv6" ? { v6only: v6only ?? (address !== "::" && !address.startsWith("::ffff:")) } : {}),
    ...NO_REUSE,
    ...details,
  };
}

function familyOf(address: string): Family {
  return address.includes(":") ? "ipv6" : "ipv4";
}

function endpoint(text: string): Endpoint {
  const { address, port } = parseEndpoint(text);
  if (address !== undefined) return { address, port };
  throw new PortmortemError("PM_BAD_ADDRESS", `"${text}" has no address`, { hint: `write 127.0.0.1:${port}` });
}

/** The socket as a dump shows it. */
export function shownSocket(socket: FakeSocket): Socket {
  const { reuseAddr: _reuseAddr, reusePort: _reusePort, ...shown } = socket;
  return shown;
}
