/**
 * Waits for descriptors of which libuv makes no handle (uv_guess_handle() does not know seccomp's, nor pidfds), without standing in the way of
 * Node's event loop: they lie in one epoll set, for which a thread of libuv's pool waits. Sockets of ours lie in it too: an end of node:net's
 * touches process.stderr when it is destroyed (Socket._destroy() in lib/net.js), and that makes the pipe that the program shares
 * non-blocking.
 */
import { errnoName } from "../../base/errno.ts";
import { PortmortemError } from "../../base/errors.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import type { Native } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
export const EPOLLIN = 1;
export const EPOLLHUP = 0x10;
/** struct epoll_event is packed on x86_64 only. */
const PACKED = process.arch === "x64";
const EVENT_BYTES = PACKED ? 12 : 16;
const DATA_OFFSET = PACKED ? 4 : 8;
const MOST_EVENTS = 16;
/** A process that ends waits for libuv's threads: so long at most if it does not end by the "exit" event. */
const WAIT_MS = 2000;
/** So long is answered without a pause while calls come one after the other; then the event loop has its turn. */
const TURN_MS = 2;

/** `ready`: EPOLLIN, EPOLLHUP or both. Must not throw. */
export type OnReady = (ready: number) => void;

export class NotifyLoop {
  readonly #native: Native;
  readonly #epoll: number;
  /** One for the thread that waits, one for looks in between. */
  readonly #waited = new Uint8Array(EVENT_BYTES * MOST_EVENTS);
  readonly #looked = new Uint8Array(EVENT_BYTES * MOST_EVENTS);
  readonly #handlers = new Map<number, OnReady>();
  readonly #atExit = (): void => this.close();
  #waiting = false;
  #closed = false;
  #wakeFd = -1;

  constructor(native: Native) {
    this.#native = native;
    this.#epoll = native.libc.epollCreate(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw refused("epoll_create1", this.#epoll);
  }

  /** Whoever adds a descriptor removes it before it is closed. */
  add(fd: number, onReady: OnReady): void {
    const added = this.#native.libc.epollCtl(this.#epoll, EPOLL_CTL_ADD, fd, eventOf(fd));
    if (added < 0) throw refused("epoll_ctl", added);
    this.#handlers.set(fd, onReady);
    void this.#waitOn();
  }

  /**
   * Closing alone would leave it in the set where somebody else has a duplicate, as a launcher that waits has of notification descriptors:
   * its next events would be taken for those of another descriptor that has got the number.
   */
  remove(fd: number): void {
    if (!this.#handlers.delete(fd)) return;
    this.#native.libc.epollCtl(this.#epoll, EPOLL_CTL_DEL, fd, eventOf(fd));
  }

  /** No handler is called any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers.clear();
    if (!this.#waiting) {
      this.#native.libc.close(this.#epoll);
      return;
    }
    // A descriptor that is ready wakes the thread. It stays open until the thread is back: closing it would take it out again.
    this.#wakeFd = this.#native.libc.eventfd(1, EPOLL_CLOEXEC);
    this.#native.libc.epollCtl(this.#epoll, EPOLL_CTL_ADD, this.#wakeFd, eventOf(this.#wakeFd));
  }

  async #waitOn(): Promise<void> {
    if (this.#waiting || this.#closed) return;
    this.#waiting = true;
    process.on("exit", this.#atExit);
    while (!this.#closed && this.#handlers.size > 0) {
      const count = await this.#native.epollWaitLater(this.#epoll, this.#waited, MOST_EVENTS, WAIT_MS);
      if (count !== 0) this.#handleAll();
    }
    process.off("exit", this.#atExit);
    this.#waiting = false;
    if (!this.#closed) return;
    this.#native.libc.close(this.#epoll);
    if (this.#wakeFd >= 0) this.#native.libc.close(this.#wakeFd);
  }

  /** As long as there is something, but not for longer than a turn. */
  #handleAll(): void {
    const end = performance.now() + TURN_MS;
    const view = new DataView(this.#looked.buffer);
    do {
      if (this.#closed) return;
      const count = this.#native.libc.epollWait(this.#epoll, this.#looked, MOST_EVENTS, 0);
      if (count <= 0) return;
      for (let index = 0; index < count; index++) {
        const at = index * EVENT_BYTES;
        // One that was removed by the handler before it is not called.
        this.#handlers.get(view.getInt32(at + DATA_OFFSET, LITTLE_ENDIAN))?.(view.getUint32(at, LITTLE_ENDIAN));
      }
    } while (performance.now() < end);
  }
}

function eventOf(fd: number): Uint8Array {
  const event = new Uint8Array(EVENT_BYTES);
  const view = new DataView(event.buffer);
  view.setUint32(0, EPOLLIN, LITTLE_ENDIAN);
  view.setInt32(DATA_OFFSET, fd, LITTLE_ENDIAN);
  return event;
}

function refused(what: string, result: number): PortmortemError {
  const errno = errnoName(-result);
  return new PortmortemError("PM_DEFECT", `${what}: ${errno}`, { errno });
}
