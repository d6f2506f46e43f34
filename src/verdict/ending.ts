/** Who has to end so that a port comes free, and how that is brought about. Pure. */
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import type { Owner } from "../tcp/socket.ts";
import { isServiceUnit } from "./service-unit.ts";

export type Ending =
  /** By a signal: `free` does it. */
  | { readonly by: "signal"; readonly owners: readonly Owner[] }
  /** Its engine is asked: `free --container` does it. */
  | { readonly by: "engine"; readonly owner: Owner }
  /** Listens for a container, whose engine is asked. */
  | { readonly by: "proxy"; readonly owner: Owner }
  /** systemd is asked to stop its unit. */
  | { readonly by: "systemd"; readonly owner: Owner }
  /** systemd itself holds it, for a socket unit. */
  | { readonly by: "socket-unit"; readonly owner: Owner }
  /** It is pid 1, which nothing here signals. */
  | { readonly by: "init"; readonly owner: Owner };

/** Of those who hold one socket. Undefined: nobody is known. */
export function endingOf(owners: readonly Owner[]): Ending | undefined {
  const [first] = owners;
  if (first === undefined) return undefined;
  const contained = owners.find(({ container }) => container !== undefined);
  if (contained !== undefined) return { by: "engine", owner: contained };
  const proxy = owners.find((owner) => dockerProxyTarget(owner) !== undefined);
  if (proxy !== undefined) return { by: "proxy", owner: proxy };
  // What it listens for shares the socket with it (systemd.socket(5)); ended alone, it would be started again.
  const manager = owners.find(({ command }) => command === "systemd");
  if (manager !== undefined) return { by: "socket-unit", owner: manager };
  const service = owners.find(({ unit }) => isServiceUnit(unit));
  if (service !== undefined) return { by: "systemd", owner: service };
  const init = owners.find(({ pid }) => pid === 1);
  return init === undefined ? { by: "signal", owners } : { by: "init", owner: init };
}
