/** A client that does not run out of local ports, and says why when it does. What it takes is loaded when it is called first. */
import type { Socket } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { ConnectOptions } from "./connect-options.ts";

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
  const { connectNow } = await import("./later.ts");
  return connectNow(options);
}
