/** A machine that a test describes, as a Host. It passes the same contract suite as the real one (test/contracts/). */
import { olderThan } from "../base/kernel-release.ts";
import type {
  BindAnswer,
  BindAttempt,
  DescriptorLimit,
  DetachedSockets,
  DumpRequest,
  HeldSocketOptions,
  Host,
  LocalAddress,
  NameAnswer,
  NamespaceFacts,
  NetnsFacts,
  NetnsRef,
  NetworkInterface,
  ProcessFacts,
  ProcessSummary,
  Rights,
  SocketDump,
  SocketFds,
  SocketId,
  SocketSource,
  SourceAnswer,
  SourceQuestion,
  Surroundings,
  SystemFacts,
} from "../host/host.ts";
import type { SysctlLine } from "../tcp/health-snapshot.ts";
import type { ContainerAnswer, PublisherAnswer } from "../tcp/container-state.ts";
import type { Container, Endpoint, Protocol, Socket } from "../tcp/socket.ts";
import type { Actions } from "../host/actions.ts";
import { bindOn } from "./bind-model.ts";
import { publisherOf, stateOfContainer } from "./fake-containers.ts";
import { dumpFake } from "./fake-dump.ts";
import { FakeActions } from "./fake-actions.ts";
import type { FakeHostDescription } from "./fake-description.ts";
import { routeOn } from "./route-model.ts";
import {
  descriptorCountOf,
  descriptorLimitOf,
  environmentOf,
  factsOf,
  fdsOf,
  optionsOf,
  relativesOf,
  summaryOf,
} from "./fake-process.ts";
import { namespacesOf, requireNamespace } from "./fake-namespaces.ts";
import { restartOf, socketUnitsOf } from "./fake-units.ts";
import { settleWorld } from "./fake-world.ts";
import type { FakeWorld, Namespace } from "./fake-world.ts";

/** Throws PM_BAD_PORT and the like for endpoints that make no sense. Nothing has to be closed. */
export function createFakeHost(description: FakeHostDescription = {}): Host {
  const world = settleWorld(description);
  return new FakeHost(world, world.namespaces[0]!);
}

const CAP_NET_BIND_SERVICE = 10;
const IN_ROOT = { terminal: "none", directory: "/", directoryGone: false } as const;

class FakeHost implements Host {
  readonly kind = "fake";
  readonly #world: FakeWorld;
  readonly #here: Namespace;

  constructor(world: FakeWorld, here: Namespace) {
    this.#world = world;
    this.#here = here;
  }

  get actions(): Actions {
    const source = this.socketSource();
    if (source.kind === "sock_diag") return new FakeActions(this.#world, this.#here, () => this.rights());
    return { unable: "native", why: source.why, hint: "hint" in source ? source.hint : "install the native part" };
  }

  system(): SystemFacts {
    return this.#world.system;
  }

  enter(netns: NetnsRef): Host {
    return new FakeHost(this.#world, requireNamespace(this.#world, netns));
  }

  again(): Host {
    const { later } = this.#world.description;
    if (later === undefined) return this;
    const world = settleWorld(later);
    return new FakeHost(world, world.namespaces[this.#world.namespaces.indexOf(this.#here)] ?? world.namespaces[0]!);
  }

  netns(): NetnsFacts {
    return { inode: this.#here.inode };
  }

  socketSource(): SocketSource {
    return this.#world.description.source ?? { kind: "sock_diag" };
  }

  dumpSockets(request: DumpRequest): SocketDump {
    return dumpFake(
      {
        sockets: this.#here.sockets.map(({ socket }) => socket),
        source: this.socketSource(),
        showsBound: !olderThan(this.#world.system.kernelRelease, 6, 8),
        ipv6: this.#here.ipv6,
        match: {
          interfaceIndex: (name) => this.#here.interfaces.find((device) => device.name === name)?.index,
          cgroupId: (path) => this.cgroupId(path),
        },
      },
      request,
    );
  }

  getSocket(id: SocketId): Socket | undefined {
    if (this.socketSource().kind !== "sock_diag") return undefined;
    return this.#here.sockets.find(
      ({ socket }) =>
        socket.cookie === id.cookie &&
        socket.protocol === id.protocol &&
        socket.family === id.family &&
        sameEnd(socket.local, id.local) &&
        sameEnd(socket.remote, id.remote),
    )?.socket;
  }

  probeBind(attempt: BindAttempt): BindAnswer {
    const { system } = this.#world;
    if (this.socketSource().kind !== "sock_diag") return { refused: "this fake machine is without the native part" };
    if (attempt.uid !== undefined && attempt.uid !== system.uid && system.uid !== 0)
      return { refused: `trying as uid ${attempt.uid} needs root`, errno: "EPERM" };
    return bindOn(
      {
        ipv6: this.#here.ipv6,
        addresses: this.#here.addresses.map(({ address }) => address),
        interfaces: this.#here.interfaces.map(({ name }) => name),
        unprivilegedPortStart: Number(this.sysctl("net.ipv4.ip_unprivileged_port_start") ?? 1024),
        nonlocalBind:
          this.sysctl(attempt.address.includes(":") ? "net.ipv6.ip_nonlocal_bind" : "net.ipv4.ip_nonlocal_bind") ===
          "1",
        mayBindPrivileged:
          (attempt.uid ?? system.uid) === system.uid ? this.hasCapability(CAP_NET_BIND_SERVICE) : false,
        uid: system.uid,
        holders: this.#here.sockets,
      },
      attempt,
    );
  }

  sourceAddress(question: SourceQuestion): SourceAnswer {
    if (this.socketSource().kind !== "sock_diag") return { refused: "this fake machine is without the native part" };
    return routeOn(this.#here, question);
  }

  async resolveName(name: string): Promise<NameAnswer> {
    const { hosts } = this.#world.description;
    const addresses = hosts !== undefined && Object.hasOwn(hosts, name) ? hosts[name] : undefined;
    return addresses === undefined ? { errno: "ENOTFOUND" } : { addresses };
  }

  sysctl(name: string): string | undefined {
    return this.#here.sysctls.get(name);
  }

  sysctlLines(): readonly SysctlLine[] {
    return this.#world.description.sysctlLines ?? [];
  }

  counters(): Readonly<Record<string, number>> {
    const timeWait = this.#here.sockets.filter(({ socket }) => socket.state === "TIME-WAIT").length;
    return { "sockstat.TCP.tw": timeWait, ...this.#here.counters };
  }

  localAddresses(): readonly LocalAddress[] {
    return this.#here.addresses;
  }

  interfaces(): readonly NetworkInterface[] {
    return this.#here.interfaces;
  }

  processes(): readonly ProcessSummary[] {
    return [...this.#world.processes.values()].map(summaryOf);
  }

  process(pid: number): ProcessFacts | undefined {
    const living = this.#world.processes.get(pid);
    return living === undefined ? undefined : factsOf(living);
  }

  processEnvironment(pid: number, names: readonly string[]): Readonly<Record<string, string>> | undefined {
    return environmentOf(this.#world.processes.get(pid), names);
  }

  serviceRestart(unit: string, user?: number): string | undefined {
    return restartOf(this.#world.description, unit, user);
  }

  socketUnits(port: number, user?: number): readonly string[] {
    return socketUnitsOf(this.#world.description, port, user);
  }

  descriptorLimit(pid: number): DescriptorLimit | undefined {
    return descriptorLimitOf(this.#world.processes.get(pid));
  }

  descriptorCount(pid: number, atLeast: number): number | undefined {
    return descriptorCountOf(this.#world.processes.get(pid), atLeast);
  }

  surroundings(pid: number): Surroundings | undefined {
    const living = this.#world.processes.get(pid);
    if (living === undefined) return undefined;
    const { parentPid = 1, surroundings } = living.facts;
    return { parentPid, sessionLeaderGone: false, ...(living.readable ? IN_ROOT : {}), ...surroundings };
  }

  relatives(pid: number): readonly number[] | undefined {
    return relativesOf(pid, this.#world.processes);
  }

  socketFds(pid: number, below?: number, from?: number): SocketFds {
    const living = this.#world.processes.get(pid);
    if (living === undefined) return { errno: "ENOENT" };
    return living.readable ? fdsOf(living, below, from) : { errno: "EACCES" };
  }

  socketInode(pid: number, fd: number): number | undefined {
    const living = this.#world.processes.get(pid);
    return living?.readable === true ? living.fds.get(fd)?.socket.inode : undefined;
  }

  detachedSockets(): DetachedSockets {
    return { ioUring: [], inFlight: [], ownPidNamespace: false, ...this.#world.description.detached };
  }

  socketOptions(pid: number, fd: number): HeldSocketOptions {
    const living = this.#world.processes.get(pid);
    if (this.socketSource().kind !== "sock_diag") return { errno: "ENOSYS" };
    if (living === undefined) return { errno: "ESRCH" };
    if (!living.readable) return { errno: "EPERM" };
    return optionsOf(living, fd);
  }

  hasCapability(bit: number): boolean {
    const { capabilities } = this.#world.description;
    return capabilities === undefined ? this.#world.system.uid === 0 : capabilities.includes(bit);
  }

  userName(uid: number): string | undefined {
    return Object.entries(this.#world.users).find(([, id]) => id === uid)?.[0];
  }

  userId(name: string): number | undefined {
    return Object.hasOwn(this.#world.users, name) ? this.#world.users[name] : undefined;
  }

  cgroupPath(id: number): string | undefined {
    return Object.entries(this.#world.description.cgroups ?? {}).find(([, other]) => other === id)?.[0];
  }

  cgroupId(path: string): number | undefined {
    const cgroups = this.#world.description.cgroups ?? {};
    return Object.hasOwn(cgroups, path) ? cgroups[path] : undefined;
  }

  async containerName(container: Container): Promise<string | undefined> {
    return this.#world.containers.get(container.id)?.container.name;
  }

  async containerState(container: Container): Promise<ContainerAnswer> {
    return stateOfContainer(this.#world, container);
  }

  async findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    return publisherOf(this.#world, protocol, address, port);
  }

  namespaces(): readonly NamespaceFacts[] {
    return namespacesOf(this.#world, this.processes());
  }

  rights(): Rights {
    const root = this.#world.system.uid === 0;
    const yes = { answer: "yes" } as const;
    const no = (why: string) => ({ answer: "no", lacks: "right", why }) as const;
    return {
      netAdmin: root ? yes : no("SOCK_DESTROY of an own socket was answered with EPERM"),
      sockDestroy: root ? yes : no("needs CAP_NET_ADMIN in this network namespace"),
      ptrace: root ? yes : no("descriptors of other users' processes cannot be read"),
      seesAllProcesses: yes,
      ...this.#world.description.rights,
    };
  }
}

function sameEnd(mine: Endpoint | undefined, theirs: Endpoint | undefined): boolean {
  return mine?.address === theirs?.address && mine?.port === theirs?.port;
}
