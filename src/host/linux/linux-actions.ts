/** What can be done in one network namespace of this machine. Processes belong to none: they are reached from anywhere. */
import type { StopAnswer } from "../../tcp/container-state.ts";
import type { Container } from "../../tcp/socket.ts";
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import type {
  DestroyAnswer,
  DestroyedSockets,
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

/** `run` does a piece of work in the namespace. Containers, too, belong to the machine. */
export function createLinuxActions(
  libc: Libc,
  run: <T>(work: () => T) => T,
  containers: Pick<HostActions, "stopContainer">,
): HostActions {
  return new LinuxActions(libc, run, containers);
}

class LinuxActions implements HostActions {
  readonly #libc: Libc;
  readonly #run: <T>(work: () => T) => T;

  readonly #containers: Pick<HostActions, "stopContainer">;

  constructor(libc: Libc, run: <T>(work: () => T) => T, containers: Pick<HostActions, "stopContainer">) {
    this.#libc = libc;
    this.#run = run;
    this.#containers = containers;
  }

  targets(): TargetList {
    return new DiagTargets({
      indexOf: (name) => this.#run(() => interfaceIndexOf(this.#libc, name)),
      nameOf: (index) => this.#run(() => interfaceNameOf(this.#libc, index)),
    });
  }

  destroy(targets: TargetList, from: number, to: number): DestroyAnswer {
    if (!(targets instanceof DiagTargets)) throw new TypeError("these targets are another host's");
    return destroyByNetlink(() => this.#run(() => NetlinkSocket.open(this.#libc)), targets, from, to);
  }

  openProcess(identity: ProcessIdentity): ProcessHandle | { readonly errno: string } {
    return openProcess(
      this.#libc,
      identity,
      (pid) => parseProcessStat(readText(`/proc/${pid}/stat`) ?? "")?.startTicks,
    );
  }

  followDestroyed(): DestroyedSockets | { readonly errno: string } {
    return this.#run(() => followDestroyed(this.#libc));
  }

  stopContainer(container: Container, options: StopOptions): Promise<StopAnswer> {
    return this.#containers.stopContainer(container, options);
  }
}
