/** The work of guard(): when it is looked at the connections, and how the dead ones end. Loaded when it is needed. */
import { errorMonitor } from "node:events";
import type { Socket } from "node:net";
import { PortmortemError } from "../base/errors.ts";
import type { GuardOptions, GuardReport } from "./guard-options.ts";
import { reportOf } from "./guard-report.ts";
import { KernelTimeouts } from "./kernel-timeouts.ts";
import { closeByReset } from "./node-internals.ts";
import { Life, type Verdict } from "./signs-of-life.ts";

/** Told of each connection that there is and comes, and again once it is TLS: the TCP socket, and what the program has. */
export type TakeConnection = (raw: Socket, socket: Socket) => void;

/** Told of errors before anybody handles them, and without handling them. */
const ERROR_SEEN = errorMonitor as unknown as "error";

/** What the kernel answers when it has given up: tcp_write_err(), with the ICMP error that it remembered. */
const GIVEN_UP = /^(?:ETIMEDOUT|E(?:HOST|NET)(?:UNREACH|DOWN))$/;

/** A share of the shortest time. A look at ten thousand connections takes some milliseconds. */
const LOOKS = 8;
const LEAST_LOOK_MS = 10;

/** `follow` answers how to stop that. */
export async function runGuard(
  options: GuardOptions,
  follow: (take: TakeConnection) => () => void,
): Promise<RunningGuard> {
  return new RunningGuard(options, await KernelTimeouts.load(options), follow);
}

export class RunningGuard {
  readonly #options: GuardOptions;
  readonly #timeouts: KernelTimeouts;
  readonly #lives = new Map<Socket, Life>();
  readonly #found = { kernel: 0, heartbeat: 0, idleTimeout: 0 };
  readonly #lookMs: number | undefined;
  readonly #unfollow: () => void;
  /** Milliseconds in which we ran. */
  #ranMs = 0;
  #lookedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isRemoved = false;
  #thrown: { readonly hookError: unknown } | undefined;

  constructor(options: GuardOptions, timeouts: KernelTimeouts, follow: (take: TakeConnection) => () => void) {
    this.#options = options;
    this.#timeouts = timeouts;
    this.#lookMs = lookEveryMs(options);
    this.#unfollow = follow((raw, socket) => this.#take(raw, socket));
    this.#lookLater();
  }

  report(): GuardReport {
    const mute = [...this.#lives.values()].filter((life) => life.isUnasked || life.isMute(this.#options));
    const withoutHeartbeat = mute.length;
    const now = { connections: this.#lives.size, found: { ...this.#found }, withoutHeartbeat, ...this.#thrown };
    return reportOf(this.#options, this.#lookMs ?? 0, this.#timeouts.settings, now);
  }

  remove(): void {
    this.#isRemoved = true;
    clearTimeout(this.#timer);
    this.#unfollow();
    for (const raw of this.#lives.keys()) this.#forget(raw);
  }

  #take(raw: Socket, socket: Socket): void {
    const known = this.#lives.get(raw);
    if (known?.socket === socket || raw.destroyed) return;
    if (known === undefined) {
      this.#lives.set(raw, new Life(raw, socket, this.#ranMs));
      raw.once("close", () => this.#forget(raw)).on(ERROR_SEEN, this.#onError);
      this.#timeouts.apply(raw, socket);
    } else known.socket = socket;
    if (raw !== socket) socket.on(ERROR_SEEN, this.#onError);
  }

  #forget(raw: Socket): void {
    const life = this.#lives.get(raw);
    if (life === undefined) return;
    this.#lives.delete(raw);
    for (const socket of [raw, life.socket]) {
      socket.off(ERROR_SEEN, this.#onError);
      this.#timeouts.release(socket);
    }
  }

  /** The TCP socket and the TLS socket above may both tell of the same error. */
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    const { code } = error;
    if (code === undefined || !GIVEN_UP.test(code) || error.cause !== undefined) return;
    this.#found.kernel++;
    const text = "nothing came back from the peer, and the kernel has given it up";
    error.cause = new PortmortemError("PM_PEER_LOST", text, { errno: code });
  };

  #lookLater(): void {
    const lookMs = this.#lookMs;
    if (lookMs !== undefined && !this.#isRemoved) this.#timer = setTimeout(() => this.#look(lookMs), lookMs).unref();
  }

  #look(lookMs: number): void {
    const now = performance.now();
    // A look that comes late has been away: nobody could be heard in that time.
    this.#ranMs += Math.min(now - this.#lookedAt, 2 * lookMs);
    this.#lookedAt = now;
    const silent = [...this.#lives.values()].flatMap((life) => {
      const verdict = this.#verdictOn(life, lookMs);
      return verdict === undefined ? [] : [{ life, verdict }];
    });
    if (silent.length === 0) return this.#lookLater();
    // What has come while we were away is read before setImmediate: the loop polls between it and the timers.
    setImmediate(() => {
      for (const { life, verdict } of silent)
        if (this.#lives.has(life.raw) && !life.hasMoved(this.#ranMs)) this.#end(life, verdict);
      this.#lookLater();
    });
  }

  #verdictOn(life: Life, lookMs: number): Verdict | undefined {
    try {
      return life.look(this.#ranMs, lookMs, this.#options);
    } catch (error) {
      this.#thrown = { hookError: error };
      return undefined;
    }
  }

  #end({ raw, socket }: Life, verdict: Verdict): void {
    const { heartbeat, idleTimeoutMs } = this.#options;
    this.#found[verdict]++;
    const nothing = `nothing came from ${raw.remoteAddress}:${raw.remotePort}`;
    const error =
      verdict === "idleTimeout"
        ? new PortmortemError("PM_PEER_IDLE", `${nothing} for ${idleTimeoutMs} ms`)
        : new PortmortemError("PM_PEER_LOST", `${nothing} within ${heartbeat?.timeoutMs} ms of a heartbeat`);
    closeByReset(raw);
    socket.destroy(error);
    raw.destroy();
  }
}

/** Undefined: the kernel does it all. */
function lookEveryMs({ heartbeat, idleTimeoutMs }: GuardOptions): number | undefined {
  const times = [heartbeat?.everyMs, heartbeat?.timeoutMs, idleTimeoutMs].filter((ms) => ms !== undefined);
  return times.length === 0 ? undefined : Math.max(LEAST_LOOK_MS, Math.ceil(Math.min(...times) / LOOKS));
}
