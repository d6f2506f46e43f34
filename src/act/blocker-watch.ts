/**
 * When is a new bind worth trying? As long as one of the sockets in the way is there, none is; so one of them is watched, the one that
 * lasts longest. The kernel says when a socket is freed (sock_diag's multicast groups), but not when a TIME-WAIT ends, which can be before its
 * time: a reset, or somebody's SOCK_DESTROY. And its timer is late by up to two seconds (the timer wheel's grain for a minute), so that no
 * number tells the moment. Therefore the one socket is also looked at by its cookie every 50 ms, which takes some three thousandths of a processor.
 */
import type { DestroyedSockets, HeldNamespace } from "../host/actions.ts";
import type { Host, SocketId } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";
import type { Blocker, Why } from "../verdict/why.ts";

const STEP_MS = 50;
/** When the kernel's own time is nearly up. */
const NEAR_MS = 300;
const NEAR_STEP_MS = 20;
/** In case that an event was missed, or that the way is free although all are still there. */
const IN_ANY_CASE_MS = 2000;

/** `changed`: something went, or nothing can be seen. `try`: nothing has changed, as far as can be seen. */
export type Look = "wait" | "try" | "changed";

export class BlockerWatch {
  readonly #host: Host;
  /** Whoever is waited for may be the last one in it. */
  readonly #namespace: HeldNamespace | undefined;
  readonly #follower: DestroyedSockets | undefined;
  #cookies = new Set<string>();
  #sentinel: SocketId | undefined;
  #freeAt: number | undefined;
  #reason = false;
  #lastTry = 0;

  /** Hears of everything that ends from now on. Whoever makes it closes it. */
  constructor(host: Host) {
    this.#host = host;
    const { actions } = host;
    this.#namespace = "unable" in actions ? undefined : actions.hold();
    const follower = "unable" in actions ? undefined : actions.followDestroyed();
    this.#follower = follower === undefined || "errno" in follower ? undefined : follower;
  }

  /** From now on it is about these blockers. */
  start({ blockers }: Why): void {
    const now = Date.now();
    this.#cookies = new Set(blockers.flatMap(({ socket }) => socket?.cookie ?? []));
    const ends = blockers.map(({ freeInMs }) => freeInMs);
    this.#freeAt = ends.length > 0 && ends.every((ms) => ms !== undefined) ? now + Math.max(...ends) : undefined;
    this.#lastTry = now;
    const last = longest(blockers);
    const id = last === undefined ? undefined : idOf(last);
    const there = id !== undefined && this.#host.getSocket(id) !== undefined;
    this.#sentinel = there ? id : undefined;
    // Bound-only sockets cannot be asked for; what could be and is not there has gone since.
    this.#reason = id !== undefined && !there && last?.state !== "BOUND";
  }

  /** When the last of the blockers ends by itself. */
  freeInMs(): number | undefined {
    return this.#freeAt === undefined ? undefined : Math.max(0, this.#freeAt - Date.now());
  }

  /** So long nothing has to be looked at. */
  stepMs(): number {
    const left = this.freeInMs();
    return left !== undefined && left < NEAR_MS ? NEAR_STEP_MS : STEP_MS;
  }

  /** What the kernel told is kept in a small buffer: this has to be called now and then also if nothing is expected. */
  look(): Look {
    const now = Date.now();
    if (this.#follower !== undefined) {
      const { sockets, lost } = this.#follower.read();
      // By cookie, not by port: each bind that is tried is a socket that ends, too.
      if (lost || sockets.some(({ cookie }) => this.#cookies.has(cookie))) this.#reason = true;
    }
    this.#lookAtSentinel(now);
    // Nothing can be watched: then there is only trying.
    if (this.#sentinel === undefined && (this.#follower === undefined || this.#cookies.size === 0)) this.#reason = true;
    if (!this.#reason && now - this.#lastTry < IN_ANY_CASE_MS) return "wait";
    this.#lastTry = now;
    return this.#reason ? "changed" : "try";
  }

  #lookAtSentinel(now: number): void {
    if (this.#sentinel === undefined) return;
    const socket = this.#host.getSocket(this.#sentinel);
    if (socket === undefined) {
      this.#sentinel = undefined;
      this.#reason = true;
    } else if (this.#freeAt !== undefined && socket.timer?.kind === "time-wait") {
      // Its minute begins anew when the other side closes at last, or sends once more.
      this.#freeAt = now + socket.timer.remainingMs;
    }
  }

  close(): void {
    this.#follower?.close();
    this.#namespace?.release();
  }
}

function longest(blockers: readonly Blocker[]): Socket | undefined {
  const byEnd = blockers
    .filter(({ socket }) => socket?.cookie !== undefined)
    .sort((a, b) => (b.freeInMs ?? Infinity) - (a.freeInMs ?? Infinity));
  // Among those without an end a bound-only one cannot be asked for.
  return (byEnd.find(({ socket }) => socket?.state !== "BOUND" || socket.protocol === "udp") ?? byEnd[0])?.socket;
}

function idOf({ protocol, family, state, local, remote, cookie }: Socket): SocketId | undefined {
  if (cookie === undefined || (state === "BOUND" && protocol === "tcp")) return undefined;
  return { protocol, family, local, cookie, ...(remote === undefined ? {} : { remote }) };
}
