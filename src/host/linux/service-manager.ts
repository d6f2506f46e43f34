/**
 * Tells the service manager that started this process how it is, as sd_notify(3) does: a datagram to $NOTIFY_SOCKET. Whatever goes wrong with
 * that is no reason to end a program: it is answered, and nothing is thrown.
 *
 * The manager takes a datagram only from processes that `NotifyAccess=` allows, by the pid that the kernel attaches; `main` means this process,
 * not the program that it keeps. Nothing is taken out of the environment.
 */
import { errnoName } from "../../base/errno.ts";
import { encodeNotification, notifyAddress, watchdogOf } from "../../wire/notify-socket.ts";
import type { NotifyAddress, Watchdog } from "../../wire/notify-socket.ts";
import { EAGAIN, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from "./constants.ts";
import { loadLibc } from "./libc.ts";
import type { Libc } from "./libc.ts";

const AF_UNIX = 1;
const MSG_NOSIGNAL = 0x4000;
const RETRY_MS = 50;
/** Two seconds: a manager that reads nothing for so long has other troubles. */
const MOST_RETRIES = 40;
/** setTimeout() counts in 31 bits. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

type Environment = Readonly<Record<string, string | undefined>>;
type Fields = Parameters<typeof encodeNotification>[0];

export class ServiceManager {
  readonly #address: NotifyAddress;
  readonly #watchdog: Watchdog;
  /** In the order in which they were told, the first not yet taken. */
  readonly #waiting: Uint8Array[] = [];
  #retries = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #watchdogTimer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(address: NotifyAddress, watchdog: Watchdog) {
    this.#address = address;
    this.#watchdog = watchdog;
  }

  static fromEnvironment(env: Environment = process.env, pid = process.pid): ServiceManager {
    return new ServiceManager(notifyAddress(env["NOTIFY_SOCKET"]), watchdogOf(env, pid));
  }

  /** Somebody is there to be told. */
  get isListening(): boolean {
    return this.#address.kind === "unix";
  }

  /** What it asks for that cannot be done, to be said once. */
  get problems(): readonly string[] {
    return [this.#address, this.#watchdog].flatMap((one) => (one.kind === "unusable" ? [one.why] : []));
  }

  /** It restarts the service when it hears nothing for so long (`WatchdogSec=`). */
  get watchdogMs(): number | undefined {
    return this.#watchdog.kind === "wanted" ? this.#watchdog.intervalMs : undefined;
  }

  /** For `Type=notify`: the start is over. `status` as of status(). */
  ready(status?: string): string {
    return this.notify({ READY: 1, ...(status === undefined ? {} : { STATUS: status }) });
  }

  /** One line for `systemctl status`. */
  status(text: string): string {
    return this.notify({ STATUS: text });
  }

  /** For `Type=notify-reload`, which needs the time; ready() ends it. */
  reloading(status?: string): string {
    // libuv reads CLOCK_MONOTONIC, as systemd does.
    const us = process.hrtime.bigint() / 1000n;
    return this.notify({ RELOADING: 1, MONOTONIC_USEC: us, ...(status === undefined ? {} : { STATUS: status }) });
  }

  stopping(status?: string): string {
    return this.notify({ STOPPING: 1, ...(status === undefined ? {} : { STATUS: status }) });
  }

  /** The service's main process is another from now on, a child of this one: its end is the service's. */
  mainPid(pid: number): string {
    return this.notify({ MAINPID: pid });
  }

  /**
   * Tells the watchdog twice in each interval that all is well, while `isAlive()` says so; at once for the first time. Nothing without a
   * watchdog.
   */
  startWatchdog(isAlive: () => boolean): void {
    const intervalMs = this.watchdogMs;
    if (intervalMs === undefined || !this.isListening || this.#closed) return;
    clearInterval(this.#watchdogTimer);
    const look = (): void => {
      if (isAlive()) this.notify({ WATCHDOG: 1 });
    };
    this.#watchdogTimer = setInterval(look, Math.min(intervalMs / 2, LONGEST_TIMER_MS)).unref();
    look();
  }

  /** "ok", also where nobody listens; or an errno's name. What cannot be taken now (EAGAIN) is told again, and answered "ok". */
  notify(fields: Fields): string {
    if (this.#address.kind !== "unix" || this.#closed) return "ok";
    const message = encodeNotification(fields);
    if (this.#waiting.length > 0) {
      this.#waiting.push(message);
      return "ok";
    }
    const answer = this.#send(message);
    if (answer !== "EAGAIN") return answer;
    this.#waiting.push(message);
    this.#retryLater();
    return "ok";
  }

  #retryLater(): void {
    this.#retryTimer = setTimeout(() => {
      while (this.#waiting.length > 0) {
        const answer = this.#send(this.#waiting[0]!);
        if (answer === "EAGAIN" && ++this.#retries < MOST_RETRIES) return this.#retryLater();
        this.#retries = 0;
        this.#waiting.shift();
      }
      return undefined;
    }, RETRY_MS);
  }

  #send(message: Uint8Array): string {
    const native = loadLibc();
    if ("why" in native || this.#address.kind !== "unix") return "ENOSYS";
    return sendDatagram(native.libc, this.#address.bytes, message);
  }

  /** The watchdog hears no more. What waits to be taken is tried once more. */
  close(): void {
    if (this.#closed) return;
    clearInterval(this.#watchdogTimer);
    clearTimeout(this.#retryTimer);
    for (const message of this.#waiting.splice(0)) this.#send(message);
    this.#closed = true;
  }
}

/** A socket for each: the manager's own can be another one after it was started again. */
function sendDatagram(libc: Libc, address: Uint8Array, message: Uint8Array): string {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errnoName(-fd);
  try {
    const connected = libc.connect(fd, address, address.length);
    if (connected < 0) return errnoName(-connected);
    const sent = libc.send(fd, message, message.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent === -EAGAIN ? "EAGAIN" : sent < 0 ? errnoName(-sent) : "ok";
  } finally {
    libc.close(fd);
  }
}
