/** The keeper's end of the way to a launcher: messages in, one order out. */
import { errnoName } from "../../base/errno.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from "./constants.ts";
import { decodeFrame, encodeFrame } from "./launcher-messages.ts";
import type { FromLauncher, LaunchOrder } from "./launcher-messages.ts";
import type { Native } from "./libc.ts";
import type { NotifyLoop } from "./notify-loop.ts";

const SO_SNDTIMEO = 21;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EAGAIN = 11;
const EINTR = 4;
/** An order is longer than a socket's buffer only with a huge environment; a launcher that does not read it is hung. */
const SEND_SECONDS = 5;

export class LauncherControl {
  readonly #native: Native;
  readonly #loop: NotifyLoop;
  #fd: number;
  #bytes = Buffer.alloc(0);
  readonly #messages: FromLauncher[] = [];
  #ended = false;
  /** Who waits for the next message. */
  #next: ((message: FromLauncher | undefined) => void) | undefined;

  private constructor(native: Native, loop: NotifyLoop, fd: number) {
    this.#native = native;
    this.#loop = loop;
    this.#fd = fd;
    loop.add(fd, () => void this.#read());
  }

  /** `theirs` is for the launcher, and is to be closed here once it has it. */
  static pair(
    native: Native,
    loop: NotifyLoop,
  ): { readonly ours: LauncherControl; readonly theirs: number } | { readonly step: string; readonly errno: string } {
    const fds = new Uint8Array(8);
    const made = native.libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    if (made < 0) return { step: "socketpair(2)", errno: errnoName(-made) };
    const view = new DataView(fds.buffer);
    const ours = view.getInt32(0, LITTLE_ENDIAN);
    const timeout = new Uint8Array(new BigInt64Array([BigInt(SEND_SECONDS), 0n]).buffer);
    native.libc.setsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, timeout, timeout.length);
    return { ours: new LauncherControl(native, loop, ours), theirs: view.getInt32(4, LITTLE_ENDIAN) };
  }

  /** Undefined: nothing will come any more. */
  message(): Promise<FromLauncher | undefined> {
    return new Promise((resolve) => {
      this.#next = resolve;
      this.#settle();
    });
  }

  /** "ok" or an errno's name: EPIPE, the launcher is gone. */
  send(order: LaunchOrder): string {
    if (this.#fd < 0) return "EPIPE";
    const frame = encodeFrame(order);
    for (let sent = 0; sent < frame.length;) {
      const rest = frame.subarray(sent);
      const result = this.#native.libc.send(this.#fd, rest, rest.length, MSG_NOSIGNAL);
      if (result < 0 && result !== -EINTR) return errnoName(-result);
      if (result > 0) sent += result;
    }
    return "ok";
  }

  /** The launcher has ended: what it said last is heard (that its execve(2) failed), then nothing will come. */
  finish(): void {
    while (this.#fd >= 0 && this.#read());
    this.close();
  }

  close(): void {
    this.#ended = true;
    if (this.#fd >= 0) {
      this.#loop.remove(this.#fd);
      this.#native.libc.close(this.#fd);
      this.#fd = -1;
    }
    this.#settle();
  }

  /** False: nothing is there. */
  #read(): boolean {
    const piece = Buffer.allocUnsafe(4096);
    const count = this.#native.libc.recv(this.#fd, piece, piece.length, MSG_DONTWAIT);
    if (count === -EAGAIN || count === -EINTR) return false;
    if (count <= 0) {
      this.close();
      return false;
    }
    this.#bytes = Buffer.concat([this.#bytes, piece.subarray(0, count)]);
    for (let frame = decodeFrame(this.#bytes); frame !== undefined; frame = decodeFrame(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(frame.length);
      this.#messages.push(frame.message as FromLauncher);
    }
    this.#settle();
    return true;
  }

  #settle(): void {
    if (this.#next === undefined || (this.#messages.length === 0 && !this.#ended)) return;
    const next = this.#next;
    this.#next = undefined;
    next(this.#messages.shift());
  }
}
