/** The container behind the holder of a port: the one that it runs in, or the one that it publishes the port for. */
import type { Host } from "../host/host.ts";
import type { ContainerBehind } from "../tcp/container-state.ts";
import { publishedContainer, publishesPorts } from "../tcp/port-publisher.ts";
import type { Owner, Socket } from "../tcp/socket.ts";

/**
 * Undefined: none, and the holder is a program like any other. Asks the engine, which takes up to two seconds each for who publishes the port
 * and for what the container is like.
 */
export async function findContainerBehind(
  host: Host,
  owner: Owner,
  { protocol, local }: Pick<Socket, "protocol" | "local">,
): Promise<ContainerBehind | undefined> {
  if (owner.container !== undefined) {
    const engine = await host.containerState(owner.container);
    return { holder: "inside", container: owner.container, engine, unasked: [] };
  }
  const publishes = publishesPorts(owner);
  if (publishes === undefined) return undefined;
  const told = publishedContainer(owner);
  const { publisher, unasked } =
    told === undefined
      ? await host.findPublisher(protocol, local.address, local.port)
      : { publisher: told, unasked: [] };
  if (publisher !== undefined)
    return { holder: "publisher", container: publisher, engine: await host.containerState(publisher), unasked };
  // dockerd listens for its own clients too: where every engine says that it is no container's port, it is not.
  return publishes === "perhaps" && unasked.length === 0 ? undefined : { holder: "publisher", unasked };
}
