/** What can be done to a fake machine: its sockets and processes go as they would on a kernel, less the time that it takes. */
import { olderThan } from "../base/kernel-release.ts";
import type {
  ConnectionId,
  DestroyAnswer,
  DestroyedSockets,
  DuplicatedSocket,
  HostActions,
  ProcessHandle,
  ProcessIdentity,
  StopOptions,
  TargetList,
} from "../host/actions.ts";
import type { Rights, SocketBatch } from "../host/host.ts";
import type { StopAnswer } from "../tcp/container-state.ts";
import type { SignalName } from "../tcp/signals.ts";
import type { Container, Socket } from "../tcp/socket.ts";
import { stopFakeContainer } from "./fake-containers.ts";
import { endProcess, endSocket } from "./fake-world.ts";
import type { FakeWorld, HeldSocket, LivingProcess, Namespace } from "./fake-world.ts";

export class FakeActions implements HostActions {
  readonly #world: FakeWorld;
  readonly #here: Namespace;
  readonly #rights: () => Rights;

  constructor(world: FakeWorld, here: Namespace, rights: () => Rights) {
    this.#world = world;
    this.#here = here;
    this.#rights = rights;
  }

  hold(): { readonly release: () => void } {
    return { release: () => undefined };
  }

  targets(): TargetList {
    return new FakeTargets();
  }

  destroy(targets: TargetList, from: number, to: number): DestroyAnswer {
    const failed: { index: number; errno: string }[] = [];
    for (let index = from; index < to; index++) {
      const errno = this.#destroy(targets.at(index));
      if (errno !== undefined) failed.push({ index, errno });
    }
    return { destroyed: to - from - failed.length, failed };
  }

  /** As sock_diag_destroy(): the kernel without it, then the lookup, then the right. */
  #destroy(id: ConnectionId): string | undefined {
    const { sockDestroy } = this.#rights();
    if (sockDestroy.answer === "no" && sockDestroy.lacks === "kernel") return "EOPNOTSUPP";
    const found = this.#here.sockets.find(({ socket }) => isThis(socket, id));
    if (found === undefined || found.socket.state === "BOUND" || found.socket.state === "CLOSED") return "ENOENT";
    if (sockDestroy.answer === "no") return "EPERM";
    if (found.socket.state === "TIME-WAIT" && olderThan(this.#world.system.kernelRelease, 6, 0)) return "EOPNOTSUPP";
    endSocket(this.#world, found);
    return undefined;
  }

  openProcess({ pid, startTicks }: ProcessIdentity): ProcessHandle | { readonly errno: string } {
    const living = this.#world.processes.get(pid);
    return living === undefined || living.facts.startTicks !== startTicks
      ? { errno: "ESRCH" }
      : new FakeProcessHandle(this.#world, living);
  }

  followDestroyed(): DestroyedSockets {
    let from = this.#here.ended.length;
    return {
      read: () => {
        const sockets = this.#here.ended.slice(from);
        from = this.#here.ended.length;
        return { sockets, lost: false };
      },
      close: () => undefined,
    };
  }

  async stopContainer(container: Container, { signal }: StopOptions): Promise<StopAnswer> {
    if (signal?.aborted === true) return { failure: "interrupted", why: "it was interrupted before it was asked" };
    return stopFakeContainer(this.#world, container);
  }
}

class FakeTargets implements TargetList {
  readonly #all: ConnectionId[] = [];

  get length(): number {
    return this.#all.length;
  }

  addFrom(batch: SocketBatch, index: number): boolean {
    const { protocol, state, family, local, remote, cookie } = batch.socketAt(index);
    if (protocol !== "tcp" || state === "LISTEN" || state === "BOUND" || state === "CLOSED") return false;
    if (remote === undefined || cookie === undefined) return false;
    const near = { address: local.address, port: local.port };
    return this.add({ family, local: near, remote, interface: local.interface, cookie });
  }

  add(connection: ConnectionId): boolean {
    if (connection.remote.port === 0) return false;
    this.#all.push(connection);
    return true;
  }

  at(index: number): ConnectionId {
    const one = this.#all[index];
    if (one === undefined) throw new RangeError(`there is no target ${index}`);
    return one;
  }

  has(batch: SocketBatch, index: number): boolean {
    const { cookie } = batch.socketAt(index);
    return this.#all.some((one) => one.cookie === cookie);
  }
}

class FakeProcessHandle implements ProcessHandle {
  readonly #world: FakeWorld;
  readonly #living: LivingProcess;

  constructor(world: FakeWorld, living: LivingProcess) {
    this.#world = world;
    this.#living = living;
  }

  get pid(): number {
    return this.#living.facts.pid;
  }

  maySignal(): string {
    if (this.hasEnded()) return "ESRCH";
    const { uid } = this.#world.system;
    return uid === 0 || uid === this.#living.facts.uid ? "ok" : "EPERM";
  }

  signal(name: SignalName): string {
    const may = this.maySignal();
    if (may !== "ok") return may;
    if (name === "SIGCONT") {
      this.#world.processes.set(this.pid, { ...this.#living, facts: { ...this.#living.facts, state: "S" } });
      return "ok";
    }
    if (name === "SIGKILL" || this.#living.facts.ignores?.includes(name) !== true)
      endProcess(this.#world, this.#living.facts.pid);
    return "ok";
  }

  hasEnded(): boolean {
    return this.#world.processes.get(this.pid)?.facts.startTicks !== this.#living.facts.startTicks;
  }

  duplicateSocket(fd: number, cookie: string): DuplicatedSocket | { readonly errno: string } {
    if (this.hasEnded()) return { errno: "ESRCH" };
    if (!this.#living.readable) return { errno: "EPERM" };
    const held = this.#living.fds.get(fd);
    if (held === undefined) return { errno: "EBADF" };
    return held.socket.cookie === cookie ? duplicateOf(this.#world, held) : { errno: "ESTALE" };
  }

  close(): void {}
}

/** The program, which reads the end of the file, closes its end: both ways of ending leave nothing. */
function duplicateOf(world: FakeWorld, held: HeldSocket): DuplicatedSocket {
  const end = (): string => {
    endSocket(world, held);
    return "ok";
  };
  const allowReuse = (): string => {
    held.reuseAddr = true;
    return "ok";
  };
  return { shutdown: end, reset: end, allowReuse, close: () => undefined };
}

function isThis(socket: Socket, { family, local, remote, interface: device, cookie }: ConnectionId): boolean {
  return (
    socket.cookie === cookie &&
    socket.family === family &&
    socket.local.address === local.address &&
    socket.local.port === local.port &&
    socket.local.interface === device &&
    socket.remote?.address === remote.address &&
    socket.remote.port === remote.port
  );
}
