/**
 * The machine's containers. What one is called comes from files first, which cost a fraction of a millisecond, then from the engine, and is
 * asked once. All else comes from the engine, and anew each time.
 */
import type { ContainerAnswer, EngineFailure, PublisherAnswer, StopAnswer } from "../../tcp/container-state.ts";
import type { Container, Protocol } from "../../tcp/socket.ts";
import type { StopOptions } from "../actions.ts";
import { askContainerName, askContainerState, askPublisher, askToStop } from "./container-engine.ts";
import type { ContainerFilePlaces } from "./container-files.ts";
import { readContainerName } from "./container-files.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

/** A name is a kindness: nobody waits long for it. */
const LIMIT_MS = 250;
/** What a decision hangs on may take longer: podman's service is only started by the question. */
const STATE_LIMIT_MS = 2000;

const NO_ID: EngineFailure = { failure: "container", why: "this is no container's id" };

export interface ContainersOptions {
  readonly roots?: SystemRoots;
  readonly home?: string | undefined;
  readonly runtimeDirectory?: string | undefined;
  readonly limitMs?: number;
  readonly stateLimitMs?: number;
  /** Default: DOCKER_HOST and CONTAINER_HOST. */
  readonly engineHosts?: readonly string[];
}

export class Containers {
  readonly #places: ContainerFilePlaces;
  readonly #limitMs: number;
  readonly #stateLimitMs: number;
  readonly #names = new Map<string, Promise<string | undefined>>();

  constructor(options: ContainersOptions = {}) {
    const home = "home" in options ? options.home : process.env["HOME"];
    const runtimeDirectory = "runtimeDirectory" in options ? options.runtimeDirectory : process.env["XDG_RUNTIME_DIR"];
    this.#places = {
      roots: options.roots ?? SYSTEM_ROOTS,
      engineHosts: options.engineHosts ?? [process.env["DOCKER_HOST"] ?? "", process.env["CONTAINER_HOST"] ?? ""],
      ...(home === undefined || home === "" ? {} : { home }),
      ...(runtimeDirectory === undefined || runtimeDirectory === "" ? {} : { runtimeDirectory }),
    };
    this.#limitMs = options.limitMs ?? LIMIT_MS;
    this.#stateLimitMs = options.stateLimitMs ?? STATE_LIMIT_MS;
  }

  /** Never throws and never takes longer than the limit. */
  containerName(container: Container): Promise<string | undefined> {
    const key = `${container.runtime} ${container.id}`;
    let name = this.#names.get(key);
    if (name === undefined) this.#names.set(key, (name = this.#find(container)));
    return name;
  }

  /** As of Host. */
  async containerState(container: Container): Promise<ContainerAnswer> {
    return isId(container.id) ? askContainerState(container, this.#places, this.#stateLimitMs) : NO_ID;
  }

  /** As of Host. */
  findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    return askPublisher({ protocol, address, port }, this.#places, this.#stateLimitMs);
  }

  /** As of HostActions. */
  async stopContainer(container: Container, options: StopOptions): Promise<StopAnswer> {
    return isId(container.id) ? askToStop(container, options, this.#places, this.#stateLimitMs) : NO_ID;
  }

  async #find(container: Container): Promise<string | undefined> {
    if (!isId(container.id)) return undefined;
    try {
      return (
        readContainerName(container, this.#places) ?? (await askContainerName(container, this.#places, this.#limitMs))
      );
    } catch {
      return undefined;
    }
  }
}

/** It becomes part of paths: nothing but an id may get there. */
function isId(text: string): boolean {
  return /^[0-9a-f]{12,64}$/.test(text);
}
