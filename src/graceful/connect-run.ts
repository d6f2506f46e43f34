/** One connect(): attempts, and what each failure means. */
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { PortmortemError } from "../base/errors.ts";
import { attempt } from "./connect-attempt.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { mayPass, refusal } from "./connect-refusal.ts";
import { requireMs } from "./drain-options.ts";
import { isPort, portsOf } from "./local-ports.ts";

export async function connectNow(options: ConnectOptions): Promise<Socket> {
  const { host = "localhost", port, localPorts, retries, signal } = options;
  const timeoutMs = requireMs("timeoutMs", options.timeoutMs ?? 10_000);
  if (!isPort(port)) throw new PortmortemError("PM_BAD_PORT", `${port} is no port to connect to`);
  const ports = localPorts === undefined ? undefined : portsOf(localPorts);
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const deadline = performance.now() + (retries?.totalMs ?? 30_000);
  for (let retry = 0; ; retry++)
    try {
      return await attempt({ ...options, host, timeoutMs, where, ports });
    } catch (error) {
      signal?.throwIfAborted();
      const failed = refusal(error, where);
      const pauseMs = Math.min(5000, 100 * 2 ** retry) * (0.5 + Math.random() / 2);
      if (retry >= (retries?.count ?? 0) || !mayPass(failed) || performance.now() + pauseMs > deadline) throw failed;
      // Once it is aborted, the next attempt says so.
      await setTimeout(pauseMs, undefined, signal && { signal }).catch(() => {});
    }
}
