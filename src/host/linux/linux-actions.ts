/** What can be done in one network namespace of this machine. Processes belong to none: they are reached from anywhere. */
import type { StopAnswer } from "../../tcp/container-state.ts";
import type { Container } from "../../tcp/socket.ts";
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import type {
  DestroyAnswer,
  DestroyedSockets,
  HeldNamespace,
  HostActions,
  ProcessHandle,
  ProcessIdentity,
  StopOptions,
  TargetList,
} from "../actions.ts";
import { DiagTargets, destroyByNetlink } from "./destroy-sockets.ts";
import { followDestroyed } from "./destroyed-sockets.ts";
import { interfaceIndexOf, interfaceNameOf } from "./devices.ts";
import type { Libc } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { openProcess } from "./process-handle.ts";
import { readText } from "./read-file.ts";

/** The network namespace that is acted in. */
export interface ActingPlace {
  /** Does a piece of work there. */
  readonly run: <T>(work: () => T) => T;
  readonly hold: HostActions["hold"];
}

/** Containers, too, belong to the machine. */
export function createLinuxActions(
  libc: Libc,
  place: ActingPlace,
  containers: Pick<HostActions, "stopContainer">,
): HostActions {
  return new LinuxActions(libc, place, containers);
}

class LinuxActions implements HostActions {
  readonly #libc: Libc;
  readonly #place: ActingPlace;
  readonly #containers: Pick<HostActions, "stopContainer">;

  constructor(libc: Libc, place: ActingPlace, containers: Pick<HostActions, "stopContainer">) {
    this.#libc = libc;
    this.#place = place;
    this.#containers = containers;
  }

  hold(): HeldNamespace {
    return this.#place.hold();
  }

  targets(): TargetList {
    return new DiagTargets({
      indexOf: (name) => this.#place.run(() => interfaceIndexOf(this.#libc, name)),
      nameOf: (index) => this.#place.run(() => interfaceNameOf(this.#libc, index)),
    });
  }

  destroy(targets: TargetList, from: number, to: number): DestroyAnswer {
    if (!(targets instanceof DiagTargets)) throw new TypeError("these targets are another host's");
    return destroyByNetlink(() => this.#place.run(() => NetlinkSocket.open(this.#libc)), targets, from, to);
  }

  openProcess(identity: ProcessIdentity): ProcessHandle | { readonly errno: string } {
    return openProcess(
      this.#libc,
      identity,
      (pid) => parseProcessStat(readText(`/proc/${pid}/stat`) ?? "")?.startTicks,
    );
  }

  followDestroyed(): DestroyedSockets | { readonly errno: string } {
    return this.#place.run(() => followDestroyed(this.#libc));
  }

  stopContainer(container: Container, options: StopOptions): Promise<StopAnswer> {
    return this.#containers.stopContainer(container, options);
  }
}
