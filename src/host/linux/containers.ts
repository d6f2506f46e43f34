/**
 * The machine's containers. What one is called comes from files first, which cost a fraction of a millisecond, then from the engine, and is
 * asked once. All else comes from the engine, and anew each time.
 */
import type { ContainerAnswer, EngineFailure, PublisherAnswer, StopAnswer } from "../../tcp/container-state.ts";
import { isContainerId } from "../../tcp/container-state.ts";
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
/** How long an engine may take beyond the grace: docker waits ten seconds for the end of what it has killed. */
const BEYOND_GRACE_MS = 15_000;

const NO_ID: EngineFailure = { failure: "container", why: "this is no container's id" };

export interface ContainersOptions {
  readonly roots?: SystemRoots;
  readonly home?: string | undefined;
  readonly runtimeDirectory?: string | undefined;
  readonly limitMs?: number;
  readonly stateLimitMs?: number;
  readonly beyondGraceMs?: number;
  /** Default: this process'. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export class Containers {
  readonly #places: ContainerFilePlaces;
  readonly #limitMs: number;
  readonly #stateLimitMs: number;
  readonly #beyondGraceMs: number;
  readonly #names = new Map<string, Promise<string | undefined>>();

  constructor(options: ContainersOptions = {}) {
    const environment = options.environment ?? process.env;
    const home = "home" in options ? options.home : environment["HOME"];
    const runtimeDirectory = "runtimeDirectory" in options ? options.runtimeDirectory : environment["XDG_RUNTIME_DIR"];
    const dockerHost = environment["DOCKER_HOST"];
    const containerHost = environment["CONTAINER_HOST"];
    const uid = process.geteuid?.();
    this.#places = {
      roots: options.roots ?? SYSTEM_ROOTS,
      ...(isSet(home) ? { home } : {}),
      ...(isSet(runtimeDirectory) ? { runtimeDirectory } : {}),
      ...(isSet(dockerHost) ? { dockerHost } : {}),
      ...(isSet(containerHost) ? { containerHost } : {}),
      ...(uid === undefined ? {} : { uid }),
    };
    this.#limitMs = options.limitMs ?? LIMIT_MS;
    this.#stateLimitMs = options.stateLimitMs ?? STATE_LIMIT_MS;
    this.#beyondGraceMs = options.beyondGraceMs ?? BEYOND_GRACE_MS;
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
    return isContainerId(container.id) ? askContainerState(container, this.#places, this.#stateLimitMs) : NO_ID;
  }

  /** As of Host. */
  findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    return askPublisher({ protocol, address, port }, this.#places, this.#stateLimitMs);
  }

  /** As of HostActions. */
  async stopContainer(container: Container, options: StopOptions): Promise<StopAnswer> {
    if (!isContainerId(container.id)) return NO_ID;
    const limits = { stateLimitMs: this.#stateLimitMs, beyondGraceMs: this.#beyondGraceMs };
    return askToStop(container, options, this.#places, limits);
  }

  async #find(container: Container): Promise<string | undefined> {
    if (!isContainerId(container.id)) return undefined;
    try {
      return (
        readContainerName(container, this.#places) ?? (await askContainerName(container, this.#places, this.#limitMs))
      );
    } catch {
      return undefined;
    }
  }
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
