/** Who has to end so that a port comes free, and who brings that about. Pure. */
import { publishesPorts } from "../tcp/port-publisher.ts";
import type { Owner } from "../tcp/socket.ts";
import { serviceUnitOf } from "./service-unit.ts";

export type Ending =
  /** A signal: `free` sends it. */
  | { readonly by: "signal"; readonly owners: readonly Owner[] }
  /** The engine of the container that it runs in, or that it publishes the port for. */
  | { readonly by: "engine"; readonly owner: Owner }
  /** That is not certain: it publishes ports for containers, and has others of its own. */
  | { readonly by: "perhaps-engine"; readonly owner: Owner }
  /** systemd, of its unit. */
  | { readonly by: "systemd"; readonly owner: Owner }
  /** systemd holds it itself, for a socket unit. */
  | { readonly by: "socket-unit"; readonly owner: Owner }
  /** It is pid 1, which nothing here signals. */
  | { readonly by: "init"; readonly owner: Owner };

/** Of those who hold one socket. Undefined: nobody is known. */
export function endingOf(owners: readonly Owner[]): Ending | undefined {
  const contained = owners.find((owner) => owner.container !== undefined || publishesPorts(owner) === "always");
  if (contained !== undefined) return { by: "engine", owner: contained };
  const publisher = owners.find((owner) => publishesPorts(owner) !== undefined);
  if (publisher !== undefined) return { by: "perhaps-engine", owner: publisher };
  // Its service has the socket as well (systemd.socket(5)); ended alone, that would be started again.
  const manager = owners.find(({ command }) => command === "systemd");
  if (manager !== undefined) return { by: "socket-unit", owner: manager };
  const service = owners.find((owner) => serviceUnitOf(owner) !== undefined);
  if (service !== undefined) return { by: "systemd", owner: service };
  const init = owners.find(({ pid }) => pid === 1);
  if (init !== undefined) return { by: "init", owner: init };
  return owners.length === 0 ? undefined : { by: "signal", owners };
}
