/** One network namespace of this machine: how its sockets are asked for, and how a bind is tried in it. */
import { release } from "node:os";
import { olderThan } from "../../base/kernel-release.ts";
import { fixedPorts } from "../../tcp/filter/filter-facts.ts";
import type { Family, Socket } from "../../tcp/socket.ts";
import { maskHas } from "../../tcp/states.ts";
import { compileBytecode } from "../../wire/diag-bytecode.ts";
import type {
  BindAnswer,
  BindAttempt,
  DumpRequest,
  SocketDump,
  SocketId,
  SocketSource,
  SourceAnswer,
  SourceQuestion,
} from "../host.ts";
import { probeBind } from "./bind-probe.ts";
import { interfaceIndexOf, interfaceNameOf } from "./devices.ts";
import { dumpByNetlink, kernelStatesOf } from "./diag-dump.ts";
import { getByNetlink } from "./diag-get.ts";
import { dumpOrElse, readWhole } from "./dump-fallback.ts";
import type { InsideNetns } from "./inside-netns.ts";
import type { Libc, loadLibc } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { readNetnsInode } from "./netns-link.ts";
import { dumpProcNet } from "./proc-net-sockets.ts";
import { belongsToOthers } from "./namespace-owner.ts";
import { readSourceAddress } from "./source-address.ts";
import type { ReadLink } from "./read-file.ts";
import { readText } from "./read-file.ts";

const BOTH: readonly Family[] = ["ipv4", "ipv6"];
export const THREAD_NET = "/proc/thread-self/net";

const NEEDS_INET_DIAG =
  "a kernel with CONFIG_INET_DIAG shows them; where it is a module, `sudo modprobe tcp_diag udp_diag` loads it";

export interface NamespaceMeans {
  readonly native: ReturnType<typeof loadLibc>;
  readonly readLink: ReadLink;
  readonly cgroupId: (path: string) => number | undefined;
}

export class Namespace {
  readonly #native: NamespaceMeans["native"];
  readonly #readLink: ReadLink;
  readonly #cgroupId: (path: string) => number | undefined;
  /** Undefined: the namespace this program was started in, or one that is only looked at. */
  readonly inside: InsideNetns | undefined;
  /** Where this namespace's tables are, /proc/PID/net for one that may be looked at but not entered. */
  readonly procNet: string;
  readonly #names = new Map<number, string | undefined>();
  #source: SocketSource | undefined;

  constructor(means: NamespaceMeans, inside: InsideNetns | undefined, procNet: string) {
    this.#native = means.native;
    this.#readLink = means.readLink;
    this.#cgroupId = means.cgroupId;
    this.inside = inside;
    this.procNet = procNet;
  }

  /** Does the work in the namespace. */
  run<T>(work: () => T): T {
    return this.inside === undefined ? work() : this.inside.run(work);
  }

  /** The one that this program is in does not go as long as it is there. */
  hold(): { readonly release: () => void } {
    return this.inside?.hold() ?? { release: () => undefined };
  }

  onlyLooking(): boolean {
    return this.inside === undefined && this.procNet !== THREAD_NET;
  }

  /** For calls that act in the namespace: they need the FFI, and a namespace that could be entered. */
  libc(): Libc | undefined {
    return this.onlyLooking() || !("libc" in this.#native) ? undefined : this.#native.libc;
  }

  inode(): number | undefined {
    if (this.inside !== undefined) return this.inside.inode;
    const path = this.onlyLooking() ? this.procNet.replace(/net$/, "ns/net") : "/proc/thread-self/ns/net";
    return readNetnsInode(path, this.#readLink);
  }

  socketSource(): SocketSource {
    return (this.#source ??= this.#findSource());
  }

  #findSource(): SocketSource {
    const libc = this.libc();
    let why: string;
    let hint = NEEDS_INET_DIAG;
    if (libc !== undefined) {
      const socket = this.run(() => NetlinkSocket.open(libc));
      if (!("errno" in socket)) {
        socket.close();
        return { kind: "sock_diag" };
      }
      why = `a sock_diag socket was answered with ${socket.errno}`;
    } else if ("why" in this.#native) {
      ({ why, hint } = this.#native);
    } else {
      why = "entering this network namespace needs CAP_SYS_ADMIN";
      hint = "run it with sudo";
    }
    if (readText(`${this.procNet}/tcp`) !== undefined) return { kind: "procfs", why, hint };
    return { kind: "none", why: `${why}, and /proc/net/tcp cannot be read` };
  }

  dump(request: DumpRequest): SocketDump {
    const libc = this.libc();
    if (libc === undefined || this.socketSource().kind !== "sock_diag") return this.#dumpTables(request);
    const compiled =
      request.filter === undefined ? undefined : compileBytecode(request.filter, this.#bytecodeEnv(), request.states);
    const ports = request.filter === undefined ? {} : fixedPorts(request.filter);
    const states = compiled?.states ?? request.states;
    const netns = this.inode();
    const byNetlink = dumpByNetlink(() => this.run(() => NetlinkSocket.open(libc)), {
      protocol: request.protocol,
      families: request.families ?? BOTH,
      kernelStates: kernelStatesOf(request.protocol, states),
      ...optional("localPort", request.localPort ?? ports.localPort),
      ...optional("remotePort", request.remotePort ?? ports.remotePort),
      ...(request.details === undefined ? {} : { details: request.details }),
      ...(compiled?.bytecode === undefined ? {} : { bytecode: compiled.bytecode }),
      // With a program few are wanted, and nobody minds their order.
      mixed:
        request.protocol === "tcp" &&
        request.families === undefined &&
        (compiled?.bytecode !== undefined || request.anyOrder === true),
      exactFilter: compiled?.exact ?? true,
      blind: request.protocol === "tcp" && maskHas(states, "BOUND") && olderThan(release(), 6, 8) ? ["BOUND"] : [],
      interfaceName: (index) => this.#interfaceName(libc, index),
      ...(netns === undefined ? {} : { netns }),
    });
    return dumpOrElse(
      byNetlink,
      () => this.#dumpTables(request),
      (errno) =>
        (this.#source = { kind: "procfs", why: `sock_diag was answered with ${errno}`, hint: NEEDS_INET_DIAG }),
    );
  }

  /** Inside another namespace the tables must be read in one go: only that long is this thread there. */
  #dumpTables(request: DumpRequest): SocketDump {
    const dump = dumpProcNet(this.procNet, request);
    return this.inside === undefined ? dump : this.inside.run(() => readWhole(dump));
  }

  #bytecodeEnv(): Parameters<typeof compileBytecode>[1] {
    const libc = this.libc();
    return {
      interfaceIndex: (name) => (libc === undefined ? undefined : this.run(() => interfaceIndexOf(libc, name))),
      cgroupId: (path) => this.#cgroupId(path),
      // An operation that this kernel lacks is answered with EINVAL, and the dump is asked for again without a program.
      ops: { eq: true, cgroup: true, mark: true },
    };
  }

  #interfaceName(libc: Libc, index: number): string | undefined {
    if (!this.#names.has(index))
      this.#names.set(
        index,
        this.run(() => interfaceNameOf(libc, index)),
      );
    return this.#names.get(index);
  }

  get(id: SocketId): Socket | undefined {
    const libc = this.libc();
    if (libc === undefined) return undefined;
    const device = id.local.interface;
    const netns = this.inode();
    return getByNetlink(() => this.run(() => NetlinkSocket.open(libc)), id, {
      interfaceIndex: device === undefined ? 0 : (this.run(() => interfaceIndexOf(libc, device)) ?? 0),
      interfaceName: (index) => this.#interfaceName(libc, index),
      ...(netns === undefined ? {} : { netns }),
    });
  }

  probeBind(attempt: BindAttempt): BindAnswer {
    const libc = this.libc();
    if (libc === undefined) return { refused: this.#whyNoCalls() };
    return this.run(() => probeBind(libc, attempt, (name) => interfaceIndexOf(libc, name)));
  }

  sourceAddress(question: SourceQuestion): SourceAnswer {
    const libc = this.libc();
    if (libc === undefined) return { refused: this.#whyNoCalls() };
    return this.run(() => readSourceAddress(libc, question, (name) => interfaceIndexOf(libc, name)));
  }

  belongsToOthers(): boolean {
    const libc = this.libc();
    return libc !== undefined && this.run(() => belongsToOthers(libc));
  }

  #whyNoCalls(): string {
    const native = this.#native;
    return "why" in native ? native.why : "this network namespace cannot be entered, only looked at";
  }
}

function optional<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: number });
}
