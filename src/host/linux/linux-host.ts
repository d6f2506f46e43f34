/** The running kernel as a Host: sock_diag through the FFI where it can be had, /proc beside it and in its place. */
import { isPortmortemError } from "../../base/errors.ts";
import type { SysctlLine } from "../../tcp/health-snapshot.ts";
import type { ContainerAnswer, PublisherAnswer } from "../../tcp/container-state.ts";
import type { Container, Protocol, Socket } from "../../tcp/socket.ts";
import { parseEnviron } from "../../wire/procfs/environ.ts";
import { parseDescriptorLimit } from "../../wire/procfs/process-limits.ts";
import type { Actions } from "../actions.ts";
import { hasCapability, parseProcessStatus } from "../../wire/procfs/process-status.ts";
import { parseSysctlValue, sysctlPath } from "../../wire/procfs/sysctl.ts";
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
} from "../host.ts";
import { readCounters } from "./counters.ts";
import { probeDestroy } from "./destroy-probe.ts";
import { findDetachedSockets } from "./detached-sockets.ts";
import { listInterfaces } from "./devices.ts";
import { readHeldSocket } from "./held-socket.ts";
import type { InsideNetns } from "./inside-netns.ts";
import { createLinuxActions } from "./linux-actions.ts";
import { readLocalAddresses } from "./local-addresses.ts";
import { Machine } from "./machine.ts";
import { findNamespaces } from "./namespaces.ts";
import { THREAD_NET } from "./namespace.ts";
import type { Namespace } from "./namespace.ts";
import { countDescriptors } from "./descriptor-count.ts";
import { readText } from "./read-file.ts";
import { findRelatives } from "./relatives.ts";
import { resolveName } from "./resolve-name.ts";
import { probeProcRights } from "./rights-from-proc.ts";
import { readSocketFds } from "./socket-fds.ts";
import { readSurroundings } from "./surroundings.ts";
import { readSysctlLines } from "./sysctl-lines.ts";
import { readServiceRestart, readSocketUnits } from "./unit-files.ts";

/** This machine. Nothing is opened or loaded before a method needs it, and nothing stays open. */
export function createLinuxHost(): Host {
  return hostIn(new Machine(), undefined, THREAD_NET);
}

function hostIn(machine: Machine, inside: InsideNetns | undefined, procNet: string): Host {
  return new LinuxHost(machine, machine.namespace(inside, procNet));
}

class LinuxHost implements Host {
  readonly kind = "linux";
  readonly #machine: Machine;
  readonly #namespace: Namespace;
  #rights: Rights | undefined;

  constructor(machine: Machine, namespace: Namespace) {
    this.#machine = machine;
    this.#namespace = namespace;
  }

  get actions(): Actions {
    const { native } = this.#machine;
    if ("why" in native) return { unable: "native", why: native.why, hint: native.hint };
    if (this.#namespace.onlyLooking())
      return {
        unable: "right",
        why: "this network namespace may be looked at, not entered: that needs CAP_SYS_ADMIN",
        hint: "run it with sudo",
      };
    return createLinuxActions(native.libc, this.#namespace, this.#machine.containers);
  }

  system(): SystemFacts {
    return this.#machine.system();
  }

  enter(netns: NetnsRef): Host {
    try {
      return hostIn(this.#machine, this.#machine.inside(netns), THREAD_NET);
    } catch (error) {
      // The tables of any process' namespace may be read by anyone (proc_tgid_net_lookup): enough to look, not to act.
      const tables = "pid" in netns ? `/proc/${netns.pid}/net` : undefined;
      if (
        isPortmortemError(error) &&
        (error.code === "PM_NETNS_FORBIDDEN" || error.code === "PM_NO_NATIVE") &&
        tables !== undefined &&
        readText(`${tables}/tcp`) !== undefined
      ) {
        return hostIn(this.#machine, undefined, tables);
      }
      throw error;
    }
  }

  again(): Host {
    return hostIn(new Machine(), this.#namespace.inside, this.#namespace.procNet);
  }

  netns(): NetnsFacts {
    const inode = this.#namespace.inode();
    return inode === undefined ? {} : { inode };
  }

  socketSource(): SocketSource {
    return this.#namespace.socketSource();
  }

  dumpSockets(request: DumpRequest): SocketDump {
    return this.#namespace.dump(request);
  }

  getSocket(id: SocketId): Socket | undefined {
    return this.#namespace.get(id);
  }

  probeBind(attempt: BindAttempt): BindAnswer {
    return this.#namespace.probeBind(attempt);
  }

  sourceAddress(question: SourceQuestion): SourceAnswer {
    return this.#namespace.sourceAddress(question);
  }

  resolveName(name: string): Promise<NameAnswer> {
    return resolveName(name);
  }

  sysctl(name: string): string | undefined {
    const path = sysctlPath(name);
    // /proc/sys/net shows the settings of the reader's namespace: not of one that is only looked at.
    if (path === undefined || (this.#namespace.onlyLooking() && name.startsWith("net."))) return undefined;
    const text = this.#namespace.run(() => readText(`/proc/sys/${path}`));
    return text === undefined ? undefined : parseSysctlValue(text);
  }

  sysctlLines(): readonly SysctlLine[] {
    return readSysctlLines();
  }

  counters(): Readonly<Record<string, number>> {
    return this.#namespace.run(() => readCounters(this.#namespace.procNet));
  }

  localAddresses(): readonly LocalAddress[] {
    // A namespace that is only looked at has other devices than this thread's.
    const devices = this.#namespace.onlyLooking() ? { devices: () => ({}) } : {};
    return this.#namespace.run(() => readLocalAddresses({ netDirectory: this.#namespace.procNet, ...devices }));
  }

  interfaces(): readonly NetworkInterface[] {
    return this.#namespace.run(() => listInterfaces(this.#namespace.libc(), this.#namespace.procNet));
  }

  processes(): readonly ProcessSummary[] {
    return this.#machine.summaries();
  }

  process(pid: number): ProcessFacts | undefined {
    return this.#machine.table.process(pid);
  }

  processEnvironment(pid: number, names: readonly string[]): Readonly<Record<string, string>> | undefined {
    const text = readText(`/proc/${pid}/environ`);
    return text === undefined ? undefined : parseEnviron(text, names);
  }

  serviceRestart(unit: string, user?: number): string | undefined {
    return readServiceRestart(unit, this.#machine.unitUser(user));
  }

  socketUnits(port: number, user?: number): readonly string[] {
    return readSocketUnits(port, this.#machine.unitUser(user));
  }

  descriptorLimit(pid: number): DescriptorLimit | undefined {
    const text = readText(`/proc/${pid}/limits`);
    return text === undefined ? undefined : parseDescriptorLimit(text);
  }

  readonly descriptorCount = countDescriptors;

  surroundings(pid: number): Surroundings | undefined {
    return readSurroundings(pid, this.#machine.readLink);
  }

  relatives(pid: number): readonly number[] | undefined {
    return findRelatives(pid);
  }

  socketFds(pid: number, below?: number, from?: number): SocketFds {
    const { readLink, readLowSockets } = this.#machine;
    return readSocketFds(pid, {
      readLink,
      ...(readLowSockets === undefined ? {} : { readLowSockets }),
      ...(below === undefined ? {} : { below }),
      ...(from === undefined ? {} : { from }),
    });
  }

  socketInode(pid: number, fd: number): number | undefined {
    const link = this.#machine.readLink(`/proc/${pid}/fd/${fd}`);
    return typeof link === "string" && link.startsWith("socket:[") ? Number(link.slice(8, -1)) : undefined;
  }

  detachedSockets(): DetachedSockets {
    return findDetachedSockets(this.processes(), this.#machine.readLink);
  }

  socketOptions(pid: number, fd: number): HeldSocketOptions {
    return this.#machine.libc === undefined ? { errno: "ENOSYS" } : readHeldSocket(this.#machine.libc, pid, fd);
  }

  hasCapability(bit: number): boolean | undefined {
    const status = readText("/proc/self/status");
    const held = status === undefined ? undefined : hasCapability(parseProcessStatus(status), bit);
    return held === true && this.#namespace.belongsToOthers() ? false : held;
  }

  userName(uid: number): string | undefined {
    return this.#machine.users.userName(uid);
  }

  userId(name: string): number | undefined {
    return this.#machine.users.userId(name);
  }

  cgroupPath(id: number): string | undefined {
    return this.#machine.cgroups.cgroupPath(id);
  }

  cgroupId(path: string): number | undefined {
    return this.#machine.cgroups.cgroupId(path);
  }

  containerName(container: Container): Promise<string | undefined> {
    return this.#machine.containers.containerName(container);
  }

  containerState(container: Container): Promise<ContainerAnswer> {
    return this.#machine.containers.containerState(container);
  }

  findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    return this.#machine.containers.findPublisher(protocol, address, port);
  }

  namespaces(): readonly NamespaceFacts[] {
    return findNamespaces(this.#machine.networkNamespaces());
  }

  rights(): Rights {
    return (this.#rights ??= rightsWhenAsked(
      () => this.#probeDestroy(),
      () => probeProcRights(this.processes()),
    ));
  }

  #probeDestroy(): Pick<Rights, "netAdmin" | "sockDestroy"> {
    const libc = this.#namespace.libc();
    const unknown = { answer: "unknown", why: "it cannot be tried without the FFI" } as const;
    return libc === undefined
      ? { netAdmin: unknown, sockDestroy: unknown }
      : this.#namespace.run(() => probeDestroy(libc));
  }
}

/** Each half is found out when it is first looked at: one destroys a listener of its own, the other goes over all of /proc. */
function rightsWhenAsked(
  destroy: () => Pick<Rights, "netAdmin" | "sockDestroy">,
  proc: () => Pick<Rights, "ptrace" | "seesAllProcesses">,
): Rights {
  let byDestroying: ReturnType<typeof destroy> | undefined;
  let byReading: ReturnType<typeof proc> | undefined;
  return {
    get netAdmin() {
      return (byDestroying ??= destroy()).netAdmin;
    },
    get sockDestroy() {
      return (byDestroying ??= destroy()).sockDestroy;
    },
    get ptrace() {
      return (byReading ??= proc()).ptrace;
    },
    get seesAllProcesses() {
      return (byReading ??= proc()).seesAllProcesses;
    },
  };
}
