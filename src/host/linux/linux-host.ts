/** The running kernel as a Host: sock_diag through the FFI where it can be had, /proc beside it and in its place. */
import { release } from "node:os";
import { PortmortemError } from "../../base/errors.ts";
import { fixedPorts } from "../../tcp/filter/filter-facts.ts";
import type { Container, Family, Socket } from "../../tcp/socket.ts";
import { maskHas } from "../../tcp/states.ts";
import { compileBytecode } from "../../wire/diag-bytecode.ts";
import { hasCapability, parseProcessStatus } from "../../wire/procfs/process-status.ts";
import { parseSysctlValue, sysctlPath } from "../../wire/procfs/sysctl.ts";
import { olderThan } from "../../base/kernel-release.ts";
import type {
  BindAnswer,
  BindAttempt,
  DetachedSockets,
  DumpRequest,
  HeldSocketOptions,
  Host,
  LocalAddress,
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
  SystemFacts,
} from "../host.ts";
import { probeBind } from "./bind-probe.ts";
import { Cgroups } from "./cgroups.ts";
import { Containers } from "./containers.ts";
import { probeDestroy } from "./destroy-probe.ts";
import { findDetachedSockets } from "./detached-sockets.ts";
import { interfaceIndexOf, interfaceNameOf, listInterfaces } from "./devices.ts";
import { dumpOrElse, readWhole } from "./dump-fallback.ts";
import { dumpByNetlink, kernelStatesOf } from "./diag-dump.ts";
import { getByNetlink } from "./diag-get.ts";
import { readHeldSocket } from "./held-socket.ts";
import { InsideNetns } from "./inside-netns.ts";
import { loadLibc } from "./libc.ts";
import type { Libc } from "./libc.ts";
import { readLocalAddresses } from "./local-addresses.ts";
import { findNamespaces, resolveNetns } from "./namespaces.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { readNetnsInode } from "./netns-link.ts";
import { dumpProcNet } from "./proc-net-sockets.ts";
import { ProcessTable } from "./process-table.ts";
import { readText } from "./read-file.ts";
import { readLinkByLibc } from "./read-link.ts";
import { probeProcRights } from "./rights-from-proc.ts";
import { readSocketFds } from "./socket-fds.ts";
import { Users } from "./users.ts";

const BOTH: readonly Family[] = ["ipv4", "ipv6"];
const THREAD_NET = "/proc/thread-self/net";

/** This machine. Nothing is opened or loaded before a method needs it, and nothing stays open. */
export function createLinuxHost(): Host {
  return new LinuxHost(new Machine(), undefined, THREAD_NET);
}

/** What all namespaces of a machine have in common. */
class Machine {
  readonly native = loadLibc();
  readonly libc: Libc | undefined = "libc" in this.native ? this.native.libc : undefined;
  readonly readLink = readLinkByLibc(this.libc);
  readonly processes = new ProcessTable({ readLink: this.readLink });
  readonly users = new Users();
  readonly cgroups = new Cgroups();
  readonly containers = new Containers();
}

class LinuxHost implements Host {
  readonly kind = "linux";
  readonly #machine: Machine;
  /** Undefined: the namespace this program was started in. */
  readonly #inside: InsideNetns | undefined;
  /** Where this namespace's tables are, /proc/PID/net for one that may be looked at but not entered. */
  readonly #procNet: string;
  readonly #names = new Map<number, string | undefined>();
  #source: SocketSource | undefined;
  #summaries: readonly ProcessSummary[] | undefined;
  #rights: Rights | undefined;

  constructor(machine: Machine, inside: InsideNetns | undefined, procNet: string) {
    this.#machine = machine;
    this.#inside = inside;
    this.#procNet = procNet;
  }

  #here<T>(work: () => T): T {
    return this.#inside === undefined ? work() : this.#inside.run(work);
  }

  /** Calls that act in the namespace need the FFI, and a namespace that could be entered. */
  #acting(): Libc | undefined {
    return this.#onlyLooking() ? undefined : this.#machine.libc;
  }

  #onlyLooking(): boolean {
    return this.#inside === undefined && this.#procNet !== THREAD_NET;
  }

  system(): SystemFacts {
    return {
      platform: process.platform,
      kernelRelease: release(),
      architecture: process.arch,
      nowMs: Date.now(),
      uid: process.geteuid?.() ?? -1,
      pid: process.pid,
    };
  }

  enter(netns: NetnsRef): Host {
    const path = resolveNetns(netns);
    const libc = this.#machine.libc;
    const inside = libc === undefined ? { errno: "ENOSYS" } : InsideNetns.try(libc, path);
    if (inside instanceof InsideNetns) return new LinuxHost(this.#machine, inside, THREAD_NET);
    const byPid = "pid" in netns ? `/proc/${netns.pid}/net` : undefined;
    if (byPid !== undefined && readText(`${byPid}/tcp`) !== undefined)
      return new LinuxHost(this.#machine, undefined, byPid);
    const shown = "name" in netns ? netns.name : "path" in netns ? netns.path : `of pid ${netns.pid}`;
    if (inside.errno === "EINVAL") {
      throw new PortmortemError("PM_NETNS_NOT_FOUND", `${shown} is no network namespace`, {
        errno: "EINVAL",
        hint: "a name of `ip netns list`, a path like /proc/PID/ns/net, or a pid",
      });
    }
    throw new PortmortemError(
      "PM_NETNS_FORBIDDEN",
      `the network namespace ${shown} cannot be entered: ${inside.errno}`,
      {
        errno: inside.errno,
        hint:
          libc === undefined
            ? "it needs the optional package koffi"
            : "entering a network namespace needs CAP_SYS_ADMIN: run it with sudo",
      },
    );
  }

  netns(): NetnsFacts {
    if (this.#inside !== undefined) return { inode: this.#inside.inode };
    const path = this.#onlyLooking() ? this.#procNet.replace(/net$/, "ns/net") : "/proc/thread-self/ns/net";
    const inode = readNetnsInode(path, this.#machine.readLink);
    return inode === undefined ? {} : { inode };
  }

  socketSource(): SocketSource {
    return (this.#source ??= this.#findSource());
  }

  #findSource(): SocketSource {
    const libc = this.#acting();
    const native = this.#machine.native;
    let why = "why" in native ? native.why : "entering this network namespace needs CAP_SYS_ADMIN";
    if (libc !== undefined) {
      const socket = this.#here(() => NetlinkSocket.open(libc));
      if (!("errno" in socket)) {
        socket.close();
        return { kind: "sock_diag" };
      }
      why = `a sock_diag socket was answered with ${socket.errno}`;
    }
    return readText(`${this.#procNet}/tcp`) === undefined
      ? { kind: "none", why: `${why}, and /proc/net/tcp cannot be read` }
      : { kind: "procfs", why };
  }

  dumpSockets(request: DumpRequest): SocketDump {
    const libc = this.#acting();
    if (libc === undefined || this.socketSource().kind !== "sock_diag") return this.#dumpProcNet(request);
    const compiled =
      request.filter === undefined ? undefined : compileBytecode(request.filter, this.#bytecodeEnv(), request.states);
    const ports = request.filter === undefined ? {} : fixedPorts(request.filter);
    const states = compiled?.states ?? request.states;
    const netns = this.netns().inode;
    const byNetlink = dumpByNetlink(() => this.#here(() => NetlinkSocket.open(libc)), {
      protocol: request.protocol,
      families: request.families ?? BOTH,
      kernelStates: kernelStatesOf(request.protocol, states),
      ...pick("localPort", request.localPort ?? ports.localPort),
      ...pick("remotePort", request.remotePort ?? ports.remotePort),
      ...(request.details === true ? { details: true } : {}),
      ...(compiled?.bytecode === undefined ? {} : { bytecode: compiled.bytecode }),
      exactFilter: compiled?.exact ?? true,
      blind: request.protocol === "tcp" && maskHas(states, "BOUND") && olderThan(release(), 6, 8) ? ["BOUND"] : [],
      interfaceName: (index) => this.#interfaceName(libc, index),
      ...(netns === undefined ? {} : { netns }),
    });
    return dumpOrElse(
      byNetlink,
      () => this.#dumpProcNet(request),
      (errno) => (this.#source = { kind: "procfs", why: `sock_diag was answered with ${errno}` }),
    );
  }

  /** Inside another namespace the tables must be read in one go: only that long is this thread there. */
  #dumpProcNet(request: DumpRequest): SocketDump {
    const dump = dumpProcNet(this.#procNet, request);
    return this.#inside === undefined ? dump : this.#inside.run(() => readWhole(dump));
  }

  #bytecodeEnv(): Parameters<typeof compileBytecode>[1] {
    const libc = this.#acting();
    return {
      interfaceIndex: (name) => (libc === undefined ? undefined : this.#here(() => interfaceIndexOf(libc, name))),
      cgroupId: (path) => this.cgroupId(path),
      // An operation that this kernel lacks is answered with EINVAL, and the dump is asked for again without a program.
      ops: { eq: true, cgroup: true, mark: true },
    };
  }

  #interfaceName(libc: Libc, index: number): string | undefined {
    if (!this.#names.has(index))
      this.#names.set(
        index,
        this.#here(() => interfaceNameOf(libc, index)),
      );
    return this.#names.get(index);
  }

  getSocket(id: SocketId): Socket | undefined {
    const libc = this.#acting();
    if (libc === undefined) return undefined;
    const device = id.local.interface;
    const netns = this.netns().inode;
    return getByNetlink(() => this.#here(() => NetlinkSocket.open(libc)), id, {
      interfaceIndex: device === undefined ? 0 : (this.#here(() => interfaceIndexOf(libc, device)) ?? 0),
      interfaceName: (index) => this.#interfaceName(libc, index),
      ...(netns === undefined ? {} : { netns }),
    });
  }

  probeBind(attempt: BindAttempt): BindAnswer {
    const libc = this.#acting();
    if (libc === undefined) {
      const native = this.#machine.native;
      return { refused: "why" in native ? native.why : "this network namespace cannot be entered, only looked at" };
    }
    return this.#here(() => probeBind(libc, attempt, (name) => interfaceIndexOf(libc, name)));
  }

  sysctl(name: string): string | undefined {
    const path = sysctlPath(name);
    // /proc/sys/net shows the settings of the reader's namespace: not of one that is only looked at.
    if (path === undefined || (this.#onlyLooking() && name.startsWith("net."))) return undefined;
    const text = this.#here(() => readText(`/proc/sys/${path}`));
    return text === undefined ? undefined : parseSysctlValue(text);
  }

  localAddresses(): readonly LocalAddress[] {
    // A namespace that is only looked at has other devices than this thread's.
    const devices = this.#onlyLooking() ? { devices: () => ({}) } : {};
    return this.#here(() => readLocalAddresses({ netDirectory: this.#procNet, ...devices }));
  }

  interfaces(): readonly NetworkInterface[] {
    return this.#here(() => listInterfaces(this.#acting(), this.#procNet));
  }

  processes(): readonly ProcessSummary[] {
    return (this.#summaries ??= this.#machine.processes.processes());
  }

  process(pid: number): ProcessFacts | undefined {
    return this.#machine.processes.process(pid);
  }

  socketFds(pid: number, below?: number): SocketFds {
    return readSocketFds(pid, { readLink: this.#machine.readLink, ...(below === undefined ? {} : { below }) });
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
    return status === undefined ? undefined : hasCapability(parseProcessStatus(status), bit);
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

  namespaces(): readonly NamespaceFacts[] {
    return findNamespaces(this.processes());
  }

  rights(): Rights {
    if (this.#rights === undefined) {
      const libc = this.#acting();
      const unknown = { answer: "unknown", why: "it cannot be tried without the FFI" } as const;
      const destroy =
        libc === undefined ? { netAdmin: unknown, sockDestroy: unknown } : this.#here(() => probeDestroy(libc));
      this.#rights = { ...destroy, ...probeProcRights(this.processes()) };
    }
    return this.#rights;
  }
}

function pick<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: number });
}
