/** Whether anything comes from a peer: counters that Node keeps anyway, looked at now and then for all connections at once. */
import type { Socket } from "node:net";
import type { GuardOptions } from "./guard-options.ts";
import { sessionOf, trafficOf, type Traffic } from "./node-internals.ts";

export type Verdict = "heartbeat" | "idleTimeout";

export class Life {
  readonly raw: Socket;
  /** What the program has: the TLS socket above, or the same. */
  socket: Socket;
  /** The last heartbeat wrote nothing. */
  isUnasked = false;
  #seen: Traffic | undefined;
  #heardAt: number;
  #askedAt: number | undefined;
  #writtenBefore = 0;

  constructor(raw: Socket, socket: Socket, now: number) {
    this.raw = raw;
    this.socket = socket;
    this.#heardAt = now;
    this.#seen = trafficOf(raw, socket);
  }

  /** Nobody said what a heartbeat is to send, and it is no http2 session, which has its PING. */
  isMute({ heartbeat }: GuardOptions): boolean {
    return heartbeat !== undefined && heartbeat.send === undefined && sessionOf(this.socket) === undefined;
  }

  /**
   * Since it was last asked for. Bytes that the kernel took after its buffer had been full are acknowledged ones. Nobody can tell of what is not
   * read. `now`: milliseconds in which the program ran.
   */
  hasMoved(now: number): boolean {
    const before = this.#seen;
    const after = trafficOf(this.raw, this.socket);
    this.#seen = after;
    const moved =
      before === undefined ||
      after === undefined ||
      !after.isRead ||
      after.received > before.received ||
      (before.pending > 0 && after.accepted > before.accepted);
    if (!moved) return false;
    this.#heardAt = now;
    if (this.#askedAt !== undefined) this.isUnasked = false;
    this.#askedAt = undefined;
    return true;
  }

  /** Answers what to give it up for, if it still holds after the next turn of the loop. */
  look(now: number, lookMs: number, { heartbeat, idleTimeoutMs = Infinity }: GuardOptions): Verdict | undefined {
    if (this.hasMoved(now)) return undefined;
    const silentMs = now - this.#heardAt;
    if (silentMs >= idleTimeoutMs) return "idleTimeout";
    if (heartbeat === undefined) return undefined;
    if (this.#askedAt !== undefined) {
      if (now - this.#askedAt < heartbeat.timeoutMs) return undefined;
      if (this.raw.bytesWritten > this.#writtenBefore) return "heartbeat";
      this.isUnasked = true;
    } else if (silentMs < heartbeat.everyMs - 2 * lookMs) return undefined;
    // It was heard up to a look before that was seen, and the next look would be late.
    this.#askedAt = now;
    this.#writtenBefore = this.raw.bytesWritten;
    if (this.socket.writable) (heartbeat.send ?? ping)(this.socket);
    return undefined;
  }
}

function ping(socket: Socket): void {
  sessionOf(socket)?.ping(() => {});
}
