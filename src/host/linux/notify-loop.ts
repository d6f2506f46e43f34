/**
 * Waits for calls on seccomp's notification descriptors without standing in the way of Node's event loop: they lie in one epoll set, for which
 * a thread of libuv's pool waits. A libuv handle cannot be made of them (uv_guess_handle() does not know the type).
 *
 * NOTIF_RECV blocks when there is nothing, whatever O_NONBLOCK says (seccomp_notify_recv() in kernel/seccomp.c), so it is called only
 * when epoll says that a call waits; and since nobody else receives, then one does, or ENOENT says that its caller was killed meanwhile.
 */
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { SECCOMP_IOCTL_NOTIF_RECV, decodeWaitingCall, seccompNotif } from "../../wire/seccomp-notify.ts";
import type { WaitingCall } from "../../wire/seccomp-notify.ts";
import { errnoName } from "../../base/errno.ts";
import { PortmortemError } from "../../base/errors.ts";
import type { Native } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const EPOLLHUP = 0x10;
/** struct epoll_event is packed on x86_64 only. */
const PACKED = process.arch === "x64";
const EVENT_BYTES = PACKED ? 12 : 16;
const DATA_OFFSET = PACKED ? 4 : 8;
const MOST_EVENTS = 16;
/** A process that ends waits for libuv's threads: so long at most if it does not end by the "exit" event. */
const WAIT_MS = 2000;
/** So long is answered without a pause while calls come one after the other; then the event loop has its turn. */
const TURN_MS = 2;

export interface CallSource {
  /** In the turn in which it was received. */
  onCall(fd: number, call: WaitingCall): void;
  /** No process is under the filter any more. The descriptor is closed. */
  onHangUp(fd: number): void;
}

export class NotifyLoop {
  readonly #native: Native;
  readonly #epoll: number;
  readonly #events = new Uint8Array(EVENT_BYTES * MOST_EVENTS);
  /** Where the kernel writes a call: the first bytes of it. */
  readonly #received: Uint8Array;
  readonly #sources = new Map<number, CallSource>();
  readonly #wake: () => void;
  #waiting = false;
  #closed = false;
  #wakeFd = -1;

  constructor(native: Native, received: Uint8Array) {
    this.#native = native;
    this.#received = received.subarray(0, seccompNotif.sizeBytes);
    this.#epoll = must(native.libc.epollCreate(EPOLL_CLOEXEC), "epoll_create1");
    this.#wake = () => this.close();
  }

  /** Owns the descriptor from now on. */
  add(fd: number, source: CallSource): void {
    const event = new Uint8Array(EVENT_BYTES);
    const view = new DataView(event.buffer);
    view.setUint32(0, EPOLLIN, LITTLE_ENDIAN);
    view.setInt32(DATA_OFFSET, fd, LITTLE_ENDIAN);
    must(this.#native.libc.epollCtl(this.#epoll, EPOLL_CTL_ADD, fd, event), "epoll_ctl");
    this.#sources.set(fd, source);
    void this.#waitOn();
  }

  /** Stops, and closes all descriptors: their callers are then told ENOSYS, unless somebody else has a duplicate and answers. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off("exit", this.#wake);
    for (const fd of this.#sources.keys()) this.#native.libc.close(fd);
    this.#sources.clear();
    if (this.#waiting) this.#wakeThread();
    else this.#native.libc.close(this.#epoll);
  }

  async #waitOn(): Promise<void> {
    if (this.#waiting || this.#closed) return;
    this.#waiting = true;
    process.on("exit", this.#wake);
    try {
      while (!this.#closed && this.#sources.size > 0) {
        const count = await this.#native.epollWaitLater(this.#epoll, this.#events, MOST_EVENTS, WAIT_MS);
        if (count !== 0 && !this.#closed) this.#answerAll();
      }
    } finally {
      this.#waiting = false;
      process.off("exit", this.#wake);
      if (this.#closed) this.#native.libc.close(this.#epoll);
      if (this.#wakeFd >= 0) this.#native.libc.close(this.#wakeFd);
    }
  }

  /** While there is something to answer, but not for longer than a turn. */
  #answerAll(): void {
    const end = performance.now() + TURN_MS;
    do {
      const count = this.#native.libc.epollWait(this.#epoll, this.#events, MOST_EVENTS, 0);
      if (count <= 0) return;
      const view = new DataView(this.#events.buffer);
      for (let index = 0; index < count && !this.#closed; index++) {
        const at = index * EVENT_BYTES;
        const fd = view.getInt32(at + DATA_OFFSET, LITTLE_ENDIAN);
        const ready = view.getUint32(at, LITTLE_ENDIAN);
        if ((ready & EPOLLIN) !== 0) this.#receive(fd);
        else if ((ready & EPOLLHUP) !== 0) this.#hangUp(fd);
      }
    } while (!this.#closed && performance.now() < end);
  }

  #receive(fd: number): void {
    const source = this.#sources.get(fd);
    if (source === undefined) return;
    this.#received.fill(0);
    if (this.#native.libc.ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, this.#received) < 0) return;
    const call = decodeWaitingCall(this.#received);
    if (call !== undefined) source.onCall(fd, call);
  }

  #hangUp(fd: number): void {
    const source = this.#sources.get(fd);
    this.#sources.delete(fd);
    // Closing alone would leave it in the set: a launcher that waits has a duplicate. Its next events would be taken for those of another
    // descriptor that has got the number.
    this.#native.libc.epollCtl(this.#epoll, EPOLL_CTL_DEL, fd, new Uint8Array(EVENT_BYTES));
    this.#native.libc.close(fd);
    source?.onHangUp(fd);
  }

  /** A descriptor that is ready is put into the set. It stays open until the thread has come back: closing it would take it out again. */
  #wakeThread(): void {
    const { libc } = this.#native;
    this.#wakeFd = libc.eventfd(1, EPOLL_CLOEXEC);
    const event = new Uint8Array(EVENT_BYTES);
    new DataView(event.buffer).setUint32(0, EPOLLIN, LITTLE_ENDIAN);
    libc.epollCtl(this.#epoll, EPOLL_CTL_ADD, this.#wakeFd, event);
  }
}

function must(result: number, what: string): number {
  if (result >= 0) return result;
  const errno = errnoName(-result);
  throw new PortmortemError("PM_DEFECT", `${what}: ${errno}`, { errno });
}
