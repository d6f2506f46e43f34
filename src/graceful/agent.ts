/** Agents of http and https that keep connections, and do not reuse one that the server is about to close, or has closed. */
import type { Agent, ClientRequest } from "node:http";
import type { Agent as SecureAgent, AgentOptions as SecureOptions } from "node:https";
import type { Socket } from "node:net";
import { requireMs } from "./drain-options.ts";
import { isQuiet, keepAliveHintMs } from "./node-internals.ts";

export interface AgentOptions extends SecureOptions {
  /** An idle connection is closed, and not used again, after this time; sooner if the server's `Keep-Alive: timeout` says so. Default 4000. */
  readonly idleMs?: number;
  /** So much sooner than the server says; half of its time at most. Default 1000. */
  readonly marginMs?: number;
}

export interface Agents {
  /** Made, and its module loaded, when it is first asked for. */
  readonly http: Agent;
  readonly https: SecureAgent;
}

/**
 * The agents of one client, for `http.request({ agent: agents.http })`; as a whole what `got` and others take as `agent`.
 *
 * Each connection serves many requests, so it leaves one TIME-WAIT and not one for each. `maxSockets` and `maxFreeSockets` are 100 for each
 * origin: with fewer free ones than busy ones, every burst would close connections. Before a connection is used again, it is read from: what
 * has a FIN, a reset, or anything else waiting is destroyed, and another one is taken. All options of Node's agents may be given.
 *
 * @throws PortmortemError PM_USAGE for no number of milliseconds.
 */
export function agent(options: AgentOptions = {}): Agents {
  let http: Agent | undefined;
  let https: SecureAgent | undefined;
  const { idleMs = 4000, marginMs = 1000, ...own } = options;
  requireMs("idleMs", idleMs);
  const all = { keepAlive: true, maxSockets: 100, maxFreeSockets: 100, ...own };
  return {
    get http() {
      return (http ??= careful(new (process.getBuiltinModule("node:http").Agent)(all), all, idleMs, marginMs));
    },
    get https() {
      return (https ??= careful(new (process.getBuiltinModule("node:https").Agent)(all), all, idleMs, marginMs));
    },
  };
}

/** What Node calls and may be replaced; all but addRequest are documented. */
interface Hooks {
  addRequest: (request: ClientRequest, wanted: AgentOptions, ...legacy: unknown[]) => void;
  keepSocketAlive: (socket: Socket) => boolean;
  reuseSocket: (socket: Socket, request: ClientRequest) => void;
}

function careful<T extends Agent>(made: T, options: AgentOptions, idleMs: number, marginMs: number): T {
  const hooks = made as unknown as Hooks;
  const { addRequest, reuseSocket } = hooks;
  /** When an idle connection becomes too old; a timer is late where the program is busy. */
  const ends = new WeakMap<Socket, number>();

  hooks.keepSocketAlive = (socket) => {
    const hintMs = keepAliveHintMs(socket);
    const limitMs = Math.min(idleMs, Math.max(hintMs - marginMs, hintMs / 2));
    socket.setKeepAlive(true, 1000);
    socket.unref();
    socket.setTimeout(limitMs);
    ends.set(socket, performance.now() + limitMs);
    return limitMs > 0;
  };

  hooks.reuseSocket = (socket, request) => {
    // The limit is for an idle connection, not for the next response.
    socket.setTimeout(options.timeout ?? 0);
    reuseSocket.call(made, socket, request);
  };

  hooks.addRequest = (request, wanted, ...legacy) => {
    const { host, port } = { ...wanted, ...options };
    const end = options.scheduling === "fifo" ? 0 : -1;
    for (const [name, free = []] of Object.entries(made.freeSockets))
      if (name.startsWith(`${host}:${port}:`))
        for (let next = free.at(end); next !== undefined; next = free.at(end)) {
          if (performance.now() < (ends.get(next) ?? 0) && isQuiet(next)) break;
          free.splice(end, 1);
          next.destroy();
        }
    addRequest.call(made, request, wanted, ...legacy);
  };
  return made;
}
