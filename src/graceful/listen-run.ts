/** One listen(): an inherited listener, or the port itself, waited for. */
import type { AddressInfo, Server } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import { requireMs } from "./drain-options.ts";
import { forgetInherited, takeInherited } from "./inherited-listeners.ts";
import { attemptToListen, type Listenable } from "./listen-attempt.ts";
import { portTaken, refusal } from "./listen-failed.ts";
import type { Listening, ListenOptions, PortWait } from "./listen-options.ts";
import { joinCluster } from "./cluster-queries.ts";
import { holdersOf, shadowsOf } from "./port-holders.ts";
import { PortTakenError } from "./port-taken-error.ts";
import { stopListening } from "./stop-listening.ts";
import { connectionsOf } from "./watch.ts";

const RETRY_MS = 2000;
/** A port that is given back is found soon; one that is not costs a look four times a second. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 250;

export async function listenOn(target: Listenable, options: ListenOptions): Promise<Listening> {
  const startedAt = performance.now();
  const { port = 0, path, signal, onWait } = options;
  const place = { ...options, port };
  const endsAt = startedAt + requireMs("retryMs", options.retryMs ?? RETRY_MS);
  const remaining = (): number => Math.max(0, endsAt - performance.now());
  if (typeof (target as Partial<Listenable> | undefined)?.listen !== "function")
    throw new PortmortemError("PM_USAGE", "listen() was given something that has no listen()", {
      hint: "give it a server of Node, or an app whose listen() makes one",
    });
  if (options.reusePort) requireReusePort();
  const own = "getConnections" in target ? (target as Server) : undefined;
  if (own) connectionsOf(own);
  const inherited = await takeInherited(options, await joinCluster(own));
  const incomplete: string[] = [];

  const attempt = async (): Promise<Server> => {
    const shadows = options.refuseShadowed && !inherited ? await shadowsOf(place) : {};
    if (shadows.blockers?.length) throw portTaken("PM_SHADOWED", place, shadows);
    if (shadows.blockersUnknown) incomplete[0] = `whether it is shadowed: ${shadows.blockersUnknown}`;
    return attemptToListen(target, argumentsFor(place, inherited?.fd));
  };
  const failure = async (error: unknown): Promise<PortTakenError> =>
    error instanceof PortTakenError
      ? error
      : portTaken("PM_PORT_TAKEN", place, path ? {} : await holdersOf(place), error);
  const tell = async (error: unknown): Promise<void> => {
    const { blockers, blockersUnknown } = await failure(error);
    if (waiting && !thrown)
      onWait?.({ ...(blockers ? { blockers } : { blockersUnknown }), remainingMs: remaining() } as PortWait);
  };

  let waiting = false;
  let thrown: { readonly error: unknown } | undefined;
  let waitedMs = 0;
  let server: Server | undefined;
  try {
    for (let pauseMs = FIRST_PAUSE_MS; !server; pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS)) {
      signal?.throwIfAborted();
      if (thrown) throw thrown.error;
      try {
        server = await attempt();
      } catch (error) {
        if (!["EADDRINUSE", "PM_SHADOWED"].includes((error as NodeJS.ErrnoException).code ?? ""))
          throw refusal(place, error);
        if (!remaining()) throw await failure(error);
        if (!waiting && onWait) void tell(error).catch((hookError: unknown) => (thrown = { error: hookError }));
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
