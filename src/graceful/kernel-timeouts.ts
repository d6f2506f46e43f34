/**
 * The timeouts that the kernel keeps: keepalive and TCP_USER_TIMEOUT. By Node where it can (the interval and the number of probes since 24.19);
 * else by setsockopt(2), on Linux, with the native binding of the library, which is loaded only then.
 */
import { Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import type { GuardOption, GuardOptions, GuardSetting } from "./guard-options.ts";
import { descriptorOf, isTcp } from "./node-internals.ts";

/** include/uapi/linux/tcp.h */
const IPPROTO_TCP = 6;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;

/** How many parameters setKeepAlive has where it takes an interval and a number of probes (24.19 and 26.4). */
const WITH_LIMITS = 4;

/** What libuv sets with the idle time where Node passes it no more (uv__tcp_keepalive()); read back on Linux. */
const BY_LIBUV: Partial<Record<GuardOption, number>> = { keepAliveIntervalMs: 1000, keepAliveProbes: 10 };

/** As it is since 24.19; before, what comes after the idle time is not looked at. */
interface KeepAlive {
  setKeepAlive(enable: boolean, ...limits: readonly number[]): unknown;
}

interface ByBinding {
  readonly name: GuardOption;
  readonly option: number;
  /** As the kernel takes it, and as it was given. */
  readonly value: number;
  readonly shown: number;
}

export class KernelTimeouts {
  readonly settings: Partial<Record<GuardOption, GuardSetting>> = {};
  readonly #keepAlive: readonly [idleMs: number, intervalMs: number, probes: number] | undefined;
  readonly #byBinding: ByBinding[] = [];
  #setsockopt: ((fd: number, option: number, value: number) => number) | undefined;

  private constructor({ keepAlive, userTimeoutMs }: GuardOptions) {
    if (keepAlive !== undefined) {
      const [idle, interval, probes] = [
        Math.ceil(keepAlive.idleMs / 1000),
        Math.ceil(keepAlive.intervalMs / 1000),
        Math.ceil(keepAlive.probes),
      ];
      this.#keepAlive = [idle * 1000, interval * 1000, probes];
      this.settings.keepAliveIdleMs = { by: "node", value: idle * 1000 };
      this.settings.keepAliveIntervalMs = { by: "node", value: interval * 1000 };
      this.settings.keepAliveProbes = { by: "node", value: probes };
      if (Socket.prototype.setKeepAlive.length < WITH_LIMITS)
        this.#byBinding.push(
          { name: "keepAliveIntervalMs", option: TCP_KEEPINTVL, value: interval, shown: interval * 1000 },
          { name: "keepAliveProbes", option: TCP_KEEPCNT, value: probes, shown: probes },
        );
    }
    if (userTimeoutMs !== undefined) {
      const value = Math.ceil(userTimeoutMs);
      this.#byBinding.push({ name: "userTimeoutMs", option: TCP_USER_TIMEOUT, value, shown: value });
    }
  }

  static async load(options: GuardOptions): Promise<KernelTimeouts> {
    const made = new KernelTimeouts(options);
    if (made.#byBinding.length > 0) await made.#bind();
    return made;
  }

  /** `socket` is what the program has, `raw` the TCP socket below. */
  apply(raw: Socket, socket: Socket): void {
    if (!isTcp(raw)) return this.#cannotAll("a connection that is not TCP");
    if (this.#keepAlive !== undefined) {
      (socket as KeepAlive).setKeepAlive(true, ...this.#keepAlive);
      // Agents of http set their own time with each request.
      socket.setKeepAlive = () => socket;
    }
    const fd = descriptorOf(raw);
    if (this.#setsockopt === undefined || fd === undefined) return;
    for (const { name, option, value } of this.#byBinding) {
      const result = this.#setsockopt(fd, option, value);
      if (result < 0) this.#cannot(name, `setsockopt(): ${getSystemErrorName(result)}`);
    }
  }

  /** What is set in the kernel stays; the program may set it itself again. */
  release(socket: Socket): void {
    if (this.#keepAlive !== undefined) Reflect.deleteProperty(socket, "setKeepAlive");
  }

  async #bind(): Promise<void> {
    const { loadLibc } = await import("../host/linux/libc.ts");
    const loaded = loadLibc();
    for (const { name, shown } of this.#byBinding)
      if ("why" in loaded) this.#cannot(name, loaded.why);
      else this.settings[name] = { by: "setsockopt", value: shown };
    if ("libc" in loaded)
      this.#setsockopt = (fd, option, value) =>
        loaded.libc.setsockopt(fd, IPPROTO_TCP, option, new Uint8Array(Uint32Array.of(value).buffer), 4);
  }

  #cannotAll(why: string): void {
    for (const name of Object.keys(this.settings) as GuardOption[]) this.settings[name] = { by: "nobody", why };
  }

  #cannot(name: GuardOption, why: string): void {
    const value = process.platform === "linux" ? BY_LIBUV[name] : undefined;
    this.settings[name] = { by: "nobody", why, ...(value === undefined ? {} : { value }) };
  }
}
