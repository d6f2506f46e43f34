/** Peers that are gone without a word (half-open connections, RFC 9293, 3.5.1), found in a time that can be stated. */
import { errorMonitor } from "node:events";
import type { Http2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import { checkGuard, type GuardOptions, type GuardReport } from "./guard-options.ts";
import type { KernelTimeouts } from "./kernel-timeouts.ts";
import { closeByReset, rawBelow, socketOfSession } from "./node-internals.ts";
import { Life, type Verdict } from "./signs-of-life.ts";
import { connectionsOf } from "./watch.ts";

export interface Guard {
  /** Settles once all is set that can be set: some milliseconds after the first guard where the native binding has to be loaded. */
  report(): Promise<GuardReport>;
  /** Nobody is cut any more by us. What is set in the kernel stays set. */
  remove(): void;
  [Symbol.dispose](): void;
}

/** A connection, a server with all that it has and will have, or an http2 session. */
export type Guarded = Socket | Server | Http2Session;

const guards = new WeakMap<Guarded, Guard>();

/** Told of errors before anybody handles them, and without handling them. */
const ERROR_SEEN = errorMonitor as unknown as "error";

/** What the kernel answers when it has given up: tcp_write_err(), with the ICMP error that it remembered. */
const GIVEN_UP = /^(ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN))$/;

/** A share of the shortest time. A look at ten thousand connections takes some milliseconds. */
const LOOKS = 8;
const LEAST_LOOK_MS = 10;

/**
 * Ends connections whose peer is gone, in a bounded time, which `report()` states; docs/graceful.md says what each option finds and what
 * it costs. Such a socket is destroyed, by a reset where it can be, with a PortmortemError `PM_PEER_LOST`, or `PM_PEER_IDLE` of `idleTimeoutMs`.
 * Where the kernel has found it, the error is the kernel's (ETIMEDOUT, EHOSTUNREACH …) and its `cause` is the PortmortemError.
 *
 * A healthy peer that is idle is cut by `idleTimeoutMs` only. Time in which the process does not run (SIGSTOP, a laptop asleep) is not counted,
 * nor time in which the program has paused the socket. One timer for all connections, which keeps no process alive. A second guard of the same
 * target takes the place of the first.
 *
 * @throws PortmortemError PM_USAGE for what is no socket, server or http2 session of Node, or a time that is none.
 */
export function guard(target: Guarded, options: GuardOptions): Guard {
  checkGuard(options);
  if (
    typeof (target as Partial<Server>)?.getConnections !== "function" &&
    typeof (target as Partial<Socket>)?.destroy !== "function"
  )
    throw new PortmortemError(
      "PM_USAGE",
      "guard() was given something that is neither a socket, a server nor an http2 session of Node",
    );
  guards.get(target)?.remove();
  const made = runGuard(target, options);
  guards.set(target, made);
  return made;
}

/** Without private fields: servers load it, and names of variables are what a minifier can shorten. */
function runGuard(target: Guarded, options: GuardOptions): Guard {
  const { keepAlive, userTimeoutMs, heartbeat, idleTimeoutMs } = options;
  const lives = new Map<Socket, Life>();
  const found = { kernel: 0, heartbeat: 0, idleTimeout: 0 };
  const shortestMs = Math.min(
    heartbeat?.everyMs ?? Infinity,
    heartbeat?.timeoutMs ?? Infinity,
    idleTimeoutMs ?? Infinity,
  );
  const lookMs = Math.max(LEAST_LOOK_MS, Math.ceil(shortestMs / LOOKS));
  let timeouts: KernelTimeouts | undefined;
  let hookError: { readonly hookError: unknown } | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Milliseconds in which we ran: a look that comes late has been away. */
  let ranMs = 0;
  let isWatching = shortestMs < Infinity;
  let lookedAt = performance.now();

  function forget(this: Socket): void {
    const life = lives.get(this);
    if (life === undefined) return;
    lives.delete(this);
    this.off("close", forget);
    for (const socket of [this, life.socket]) socket.off(ERROR_SEEN, seen);
    timeouts?.release(life.socket);
  }

  function seen(error: NodeJS.ErrnoException): void {
    if (!GIVEN_UP.test(error.code ?? "") || error.cause !== undefined) return;
    found.kernel++;
    error.cause = new PortmortemError(
      "PM_PEER_LOST",
      "nothing came back from the peer, and the kernel has given it up",
      {
        errno: error.code ?? "",
      },
    );
  }

  const take = (raw: Socket, socket: Socket): void => {
    const known = lives.get(raw);
    if (known === undefined) {
      if (raw.destroyed) return;
      lives.set(raw, new Life(raw, socket, ranMs));
      raw.once("close", forget).on(ERROR_SEEN, seen);
      timeouts?.apply(raw, socket);
    } else if (known.socket === socket) return;
    else known.socket = socket;
    if (raw !== socket) socket.on(ERROR_SEEN, seen);
  };

  const end = ({ raw, socket }: Life, verdict: Verdict): void => {
    found[verdict]++;
    const peer = `${raw.remoteAddress}:${raw.remotePort}`;
    closeByReset(raw);
    socket.destroy(
      verdict === "idleTimeout"
        ? new PortmortemError("PM_PEER_IDLE", `nothing came from ${peer} for ${idleTimeoutMs} ms`)
        : new PortmortemError(
            "PM_PEER_LOST",
            `nothing came from ${peer} within ${heartbeat?.timeoutMs} ms of a heartbeat`,
          ),
    );
    raw.destroy();
  };

  const look = (): void => {
    const now = performance.now();
    ranMs += Math.min(now - lookedAt, 2 * lookMs);
    lookedAt = now;
    const silent: [Life, Verdict][] = [];
    for (const life of lives.values()) {
      try {
        const verdict = life.look(ranMs, lookMs, options);
        if (verdict !== undefined) silent.push([life, verdict]);
      } catch (error) {
        hookError = { hookError: error };
      }
    }
    if (silent.length === 0) return lookLater();
    // What has come while we were away is read before setImmediate: the loop polls between it and the timers.
    setImmediate(() => {
      for (const [life, verdict] of silent) if (lives.has(life.raw) && !life.hasMoved()) end(life, verdict);
      lookLater();
    });
  };
  const lookLater = (): void => {
    if (isWatching) timer = setTimeout(look, lookMs).unref();
  };

  const remove = (): void => {
    isWatching = false;
    clearTimeout(timer);
    undo();
    for (const raw of lives.keys()) forget.call(raw);
  };

  const undo = follow(target, take);
  const setInKernel = async (): Promise<void> => {
    const { KernelTimeouts } = await import("./kernel-timeouts.ts");
    timeouts = await KernelTimeouts.load(options);
    for (const { raw, socket } of lives.values()) timeouts.apply(raw, socket);
  };
  const kernel = keepAlive === undefined && userTimeoutMs === undefined ? undefined : setInKernel();
  // The report rejects with it.
  kernel?.catch(() => {});
  lookLater();
  return {
    report: async () => {
      await kernel;
      const { reportOf } = await import("./guard-report.ts");
      const withoutHeartbeat = [...lives.values()].filter(({ isUnasked }) => isUnasked).length;
      const now = { connections: lives.size, found: { ...found }, withoutHeartbeat, ...hookError };
      return reportOf(options, lookMs, timeouts?.settings ?? {}, now);
    },
    remove,
    [Symbol.dispose]: remove,
  };
}

/** Tells of each connection that there is and comes, and again once it is TLS. Answers how to stop that. */
function follow(target: Guarded, take: (raw: Socket, socket: Socket) => void): () => void {
  if ("getConnections" in target) {
    const watched = connectionsOf(target);
    for (const [raw, socket] of watched.sockets) take(raw, socket);
    return watched.onConnection(take);
  }
  const socket = "goaway" in target ? socketOfSession(target) : target;
  if (socket === undefined) return () => {};
  const begin = (): void => take(rawBelow(socket), socket);
  if (socket.connecting) socket.once("connect", begin);
  else begin();
  return () => socket.off("connect", begin);
}
