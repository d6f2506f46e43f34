/** What the engines of a fake machine answer about its containers, and do to them. */
import type { ContainerAnswer, ContainerState, PublisherAnswer, StopAnswer } from "../tcp/container-state.ts";
import type { Container, Protocol } from "../tcp/socket.ts";
import type { FakeContainer } from "./fake-description.ts";
import { endProcess } from "./fake-world.ts";
import type { FakeWorld } from "./fake-world.ts";

export function stateOfContainer(world: FakeWorld, { runtime, id }: Container): ContainerAnswer {
  if (runtime === "containerd" || runtime === "cri-o")
    return { failure: "engine", why: `${runtime} does not speak HTTP about its containers` };
  const { engine } = world.description;
  if (engine !== undefined) return engine;
  const known = world.containers.get(id);
  return known === undefined
    ? { failure: "container", why: `${runtime} knows no container ${id.slice(0, 12)}`, status: 404 }
    : stateOf(known);
}

export function publisherOf(world: FakeWorld, protocol: Protocol, address: string, port: number): PublisherAnswer {
  const { engine } = world.description;
  if (engine !== undefined) return { unasked: [engine] };
  const publisher = [...world.containers.values()]
    .map(stateOf)
    .find(
      ({ running, ports }) =>
        running && ports.some((each) => each.protocol === protocol && each.port === port && each.address === address),
    )?.container;
  return { ...(publisher === undefined ? {} : { publisher }), unasked: [] };
}

/** Its processes end, and those that publish its ports. No restart policy starts them again. */
export function stopFakeContainer(world: FakeWorld, container: Container): StopAnswer {
  const state = stateOfContainer(world, container);
  if ("failure" in state) return state;
  if (!state.running) return "already";
  const known = world.containers.get(container.id);
  if (known === undefined) return "already";
  if (known.refusesToStop !== undefined) return known.refusesToStop;
  for (const { facts } of world.processes.values())
    if (facts.container?.id === container.id || known.publishedBy?.includes(facts.pid) === true)
      endProcess(world, facts.pid);
  world.containers.set(container.id, { ...known, running: false });
  return "ok";
}

function stateOf({ publishedBy: _by, refusesToStop: _refuses, ...known }: FakeContainer): ContainerState {
  const socket = known.container.runtime === "podman" ? "/run/podman/podman.sock" : "/run/docker.sock";
  return { running: true, ports: [], socket, byDefault: true, ...known };
}
