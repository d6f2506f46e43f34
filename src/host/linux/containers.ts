/** What a container is called: from files first, which cost a fraction of a millisecond, then from the engine. Each is asked once. */
import type { ContainerAnswer, PublisherAnswer, StopAnswer } from "../../tcp/container-state.ts";
import type { Container, Protocol } from "../../tcp/socket.ts";
import type { StopOptions } from "../actions.ts";
import { askContainerName } from "./container-engine.ts";
import type { ContainerFilePlaces } from "./container-files.ts";
import { readContainerName } from "./container-files.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

/** A name is a kindness: nobody waits long for it. */
const LIMIT_MS = 250;

export interface ContainersOptions {
  readonly roots?: SystemRoots;
  readonly home?: string | undefined;
  readonly runtimeDirectory?: string | undefined;
  readonly limitMs?: number;
}

export class Containers {
  readonly #places: ContainerFilePlaces;
  readonly #limitMs: number;
  readonly #names = new Map<string, Promise<string | undefined>>();

  constructor(options: ContainersOptions = {}) {
    const home = "home" in options ? options.home : process.env["HOME"];
    const runtimeDirectory = "runtimeDirectory" in options ? options.runtimeDirectory : process.env["XDG_RUNTIME_DIR"];
    this.#places = {
      roots: options.roots ?? SYSTEM_ROOTS,
      ...(home === undefined || home === "" ? {} : { home }),
      ...(runtimeDirectory === undefined || runtimeDirectory === "" ? {} : { runtimeDirectory }),
    };
    this.#limitMs = options.limitMs ?? LIMIT_MS;
  }

  /** Never throws and never takes longer than the limit. */
  containerName(container: Container): Promise<string | undefined> {
    const key = `${container.runtime} ${container.id}`;
    let name = this.#names.get(key);
    if (name === undefined) this.#names.set(key, (name = this.#find(container)));
    return name;
  }

  async containerState({ runtime }: Container): Promise<ContainerAnswer> {
    return { failure: "engine", why: `${runtime} is not asked yet` };
  }

  async findPublisher(_protocol: Protocol, _address: string, _port: number): Promise<PublisherAnswer> {
    return { unasked: [] };
  }

  async stopContainer({ runtime }: Container, _options: StopOptions): Promise<StopAnswer> {
    return { failure: "engine", why: `${runtime} is not asked yet` };
  }

  async #find(container: Container): Promise<string | undefined> {
    // The id becomes part of paths: nothing but an id may get there.
    if (!/^[0-9a-f]{12,64}$/.test(container.id)) return undefined;
    try {
      return (
        readContainerName(container, this.#places) ?? (await askContainerName(container, this.#places, this.#limitMs))
      );
    } catch {
      return undefined;
    }
  }
}
