/** A client that does not run out of local ports, and says why when it does. */
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { PortmortemError } from "../base/errors.ts";
import { attempt } from "./connect-attempt.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { mayPass, refusal } from "./connect-refusal.ts";
import { isPort, portsOf } from "./local-ports.ts";

/**
 * Connects over TCP, and over TLS if asked to.
 *
 * @throws PortmortemError PM_CONNECT_REFUSED, PM_CONNECT_TIMEOUT, PM_NO_LOCAL_PORT, PM_LOCAL_PORT_FORBIDDEN, PM_LOCAL_ADDRESS,
 * PM_UNKNOWN_HOST, PM_NAME_LOOKUP, PM_CONNECT_FAILED for the rest; each with `errno` where there is one, and Node's error as `cause`. PM_BAD_PORT
 * for ports that are none. Throws the signal's reason when it is aborted.
 */
export function connect(options: ConnectOptions & { readonly tls: true | ConnectionOptions }): Promise<TLSSocket>;
export function connect(options: ConnectOptions): Promise<Socket>;
export async function connect(options: ConnectOptions): Promise<Socket> {
  const { host = "localhost", port, localPorts, timeoutMs = 10_000, retries, signal } = options;
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
