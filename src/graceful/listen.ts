/** A server on its port: an inherited listener, or the port itself, waited for. */
import type { AddressInfo, Server } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import { requireMs } from "./drain-options.ts";
import { forgetInherited, takeInherited } from "./inherited-listeners.ts";
import { attemptToListen, type Listenable } from "./listen-attempt.ts";
import { PortTakenError, refusal } from "./listen-failed.ts";
import { joinCluster } from "./node-internals.ts";
import { holdersOf, type PortHolders, shadowsOf } from "./port-holders.ts";
import { stopListening } from "./stop-listening.ts";
import { connectionsOf } from "./watch.ts";

export interface ListenOptions {
  /** 0 or left out: one that the kernel chooses. */
  readonly port?: number;
  /** Left out: every address. */
  readonly host?: string;
  /** Of a Unix socket, in place of a port. */
  readonly path?: string;
  readonly backlog?: number;
  readonly ipv6Only?: boolean;
  /** In a worker of a cluster: its own listener instead of the one that the primary shares out. */
  readonly exclusive?: boolean;
  /** SO_REUSEPORT: several processes of one user share the port. Node has it since 22.12 and 23.1. */
  readonly reusePort?: boolean;
  /** How long to wait for the port while it is taken. Default 2000. */
  readonly retryMs?: number;
  /**
   * Which of the listeners that systemd or `portmortem run` has opened (LISTEN_FDS): by name, by its place in the order (from 0), or none
   * (false). Left out: the one of the port that is asked for; without a port the next.
   */
  readonly inherited?: string | number | false;
  /** Fail (PM_SHADOWED) where a listener of one address would get what comes to it in place of this one of every address. */
  readonly refuseShadowed?: boolean;
  /** Its abort ends the waiting. It does not close a server that listens. */
  readonly signal?: AbortSignal;
  /** Told once, when the port is taken and it is known who holds it, or that this cannot be told. */
  readonly onWait?: (wait: PortWait) => void;
}

export interface PortWait extends PortHolders {
  /** Until listen() gives up. */
  readonly remainingMs: number;
}

export interface Listening {
  /** What was given, or what an app has made of itself. */
  readonly server: Server;
  /** Undefined of a Unix socket. */
  readonly port: number | undefined;
  /** Or the path of a Unix socket. */
  readonly address: string;
  readonly inherited: boolean;
  readonly waitedMs: number;
  /** What was asked for and could not be found out. */
  readonly incomplete?: readonly string[];
}

const RETRY_MS = 2000;
/** A port that is given back is found soon; one that is not costs a look four times a second. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 250;

/**
 * Resolves when the server listens: on a listener that was inherited, or on the very port that is asked for, for which it waits up to `retryMs`
 * while another has it. Handlers of 'error' on the server are not told meanwhile. After a failure nothing is left behind, and the same
 * server can be given again.
 *
 * In workers of a cluster it waits in the same way. On Linux it says who holds the port, with portmortem's own `why()`, which is loaded
 * then only.
 *
 * @throws PortTakenError PM_PORT_TAKEN with `blockers`, PM_SHADOWED; PortmortemError PM_LISTEN_REFUSED for all that waiting does not help
 * against, PM_NO_REUSEPORT, PM_USAGE; the reason of `signal`.
 */
export async function listen(target: Listenable, options: ListenOptions = {}): Promise<Listening> {
  const startedAt = performance.now();
  const { port = 0, path, signal, onWait } = options;
  const place = { ...options, port };
  const endsAt = startedAt + requireMs("retryMs", options.retryMs ?? RETRY_MS);
  const remaining = (): number => Math.max(0, endsAt - performance.now());
  if (typeof (target as Partial<Listenable> | undefined)?.listen !== "function")
    throw new PortmortemError("PM_USAGE", "listen() was given something that has no listen()");
  if (options.reusePort) requireReusePort();
  const own = "getConnections" in target ? (target as Server) : undefined;
  if (own) connectionsOf(own);
  const inherited = await takeInherited(options, await joinCluster(own));
  const incomplete: string[] = [];

  const attempt = async (): Promise<Server> => {
    const shadows = options.refuseShadowed && !inherited ? await shadowsOf(place) : {};
    if (shadows.blockers?.length) throw new PortTakenError("PM_SHADOWED", place, shadows);
    if (shadows.blockersUnknown) incomplete[0] = `whether it is shadowed: ${shadows.blockersUnknown}`;
    return attemptToListen(target, argumentsFor(place, inherited?.fd));
  };
  const failure = async (error: unknown): Promise<PortTakenError> =>
    error instanceof PortTakenError
      ? error
      : new PortTakenError("PM_PORT_TAKEN", place, path ? {} : await holdersOf(place), error);
  const tell = async (error: unknown): Promise<void> => {
    const { blockers, blockersUnknown } = await failure(error);
    if (waiting) onWait?.({ ...(blockers ? { blockers } : { blockersUnknown }), remainingMs: remaining() } as PortWait);
  };

  let waiting = false;
  let waitedMs = 0;
  let server: Server | undefined;
  try {
    for (let pauseMs = FIRST_PAUSE_MS; !server; pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS)) {
      signal?.throwIfAborted();
      try {
        server = await attempt();
      } catch (error) {
        if (!["EADDRINUSE", "PM_SHADOWED"].includes((error as NodeJS.ErrnoException).code ?? ""))
          throw refusal(place, error);
        if (!remaining()) throw await failure(error);
        if (!waiting && onWait) void tell(error);
        waiting = true;
        await sleep(Math.min(pauseMs, remaining()), signal);
        waitedMs = Math.round(performance.now() - startedAt);
      }
    }
  } finally {
    waiting = false;
    if (inherited) inherited.taken = server !== undefined;
  }
  await forgetInherited();
  if (signal?.aborted) stopListening(server);
  signal?.throwIfAborted();
  connectionsOf(server);
  const at = server.address() as AddressInfo | string;
  const { port: bound, address } = typeof at === "string" ? { port: undefined, address: at } : at;
  return {
    server,
    port: bound,
    address,
    inherited: !!inherited,
    waitedMs,
    ...(incomplete.length > 0 && { incomplete }),
  };
}

/** Ends early when it is aborted. node:timers/promises would cost a millisecond at start. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

function argumentsFor(options: ListenOptions, fd: number | undefined): readonly unknown[] {
  const { port, host, path, backlog, ipv6Only, exclusive, reusePort } = options;
  // With a descriptor, Node takes the backlog as the second argument only.
  if (fd !== undefined) return backlog ? [{ fd }, backlog] : [{ fd }];
  return [{ ...(path ? { path } : { port, host, ipv6Only, reusePort }), backlog, exclusive }];
}

/** Older ones take the option without a word, and the second process fails with EADDRINUSE. */
function requireReusePort(): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 23 || (major === 23 && minor > 0) || (major === 22 && minor > 11)) return;
  throw new PortmortemError("PM_NO_REUSEPORT", `Node ${process.versions.node} cannot set SO_REUSEPORT`, {
    hint: "Node 22.12, 23.1 and later can; node:cluster shares a port in any version",
  });
}
