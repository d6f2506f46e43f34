/** docker-proxy publishes a container's port: it listens on the host, and its command line says where it sends what comes in. */
import type { Endpoint, Owner } from "./socket.ts";

/** The container's end; undefined for any other program. */
export function dockerProxyTarget(owner: Owner): Endpoint | undefined {
  const args = owner.args ?? [];
  if (owner.command !== "docker-proxy" && !(args[0] ?? "").endsWith("docker-proxy")) return undefined;
  const address = valueOf(args, "-container-ip");
  const port = Number(valueOf(args, "-container-port"));
  return address !== undefined && Number.isInteger(port) && port > 0 && port < 65_536 ? { address, port } : undefined;
}

function valueOf(args: readonly string[], option: string): string | undefined {
  const at = args.indexOf(option);
  return at < 0 ? undefined : args[at + 1];
}
