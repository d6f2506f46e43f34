/** A description made whole: every namespace with its number, every socket with its identity, every process with its descriptors. */
import type { LocalAddress, NetworkInterface, SystemFacts } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";
import { shownSocket } from "./builders.ts";
import type { FakeContainer, FakeHostDescription, FakeNetns, FakeProcess, FakeSocket } from "./fake-description.ts";

export interface HeldSocket {
  readonly socket: Socket;
  reuseAddr: boolean;
  readonly reusePort: boolean;
}

export interface LivingProcess {
  readonly facts: FakeProcess & { readonly pid: number; readonly uid: number; readonly startTicks: number };
  readonly netns: number;
  readonly fds: ReadonlyMap<number, HeldSocket>;
  readonly fdCount: number;
  readonly readable: boolean;
}

export interface Namespace {
  readonly inode: number;
  readonly names: readonly string[];
  readonly mayEnter: boolean;
  readonly ipv6: boolean;
  readonly sysctls: ReadonlyMap<string, string>;
  readonly addresses: readonly LocalAddress[];
  readonly interfaces: readonly NetworkInterface[];
  readonly counters: Readonly<Record<string, number>>;
  readonly sockets: HeldSocket[];
  /** Full sockets that have ended, in their order. */
  readonly ended: { readonly localPort: number; readonly cookie: string }[];
}

export interface FakeWorld {
  readonly description: FakeHostDescription;
  readonly system: SystemFacts;
  /** The first is the one that the program is in. */
  readonly namespaces: readonly Namespace[];
  /** By pid. */
  readonly processes: Map<number, LivingProcess>;
  /** By id. */
  readonly containers: Map<string, FakeContainer>;
  readonly users: Readonly<Record<string, number>>;
}

const HOME_INODE = 4_026_531_840;
const FIRST_PID = 1000;
const FIRST_INODE = 48_000;
const FIRST_COOKIE = 0x1000;
const LOWEST_FD = 3;

const SYSCTLS: Readonly<Record<string, string>> = {
  "net.ipv4.ip_local_port_range": "32768 60999",
  "net.ipv4.ip_local_reserved_ports": "",
  "net.ipv4.ip_nonlocal_bind": "0",
  "net.ipv4.ip_unprivileged_port_start": "1024",
  "net.ipv4.tcp_fin_timeout": "60",
  "net.ipv4.tcp_max_tw_buckets": "131072",
  "net.ipv4.tcp_timestamps": "1",
  "net.ipv4.tcp_tw_reuse": "2",
  "net.ipv6.conf.all.disable_ipv6": "0",
  "net.ipv6.ip_nonlocal_bind": "0",
};

const ADDRESSES: readonly LocalAddress[] = [
  { address: "127.0.0.1", family: "ipv4", interface: "lo", prefixLength: 8 },
  { address: "192.168.1.10", family: "ipv4", interface: "eth0", prefixLength: 24 },
  { address: "::1", family: "ipv6", interface: "lo", prefixLength: 128 },
  { address: "fd00::10", family: "ipv6", interface: "eth0", prefixLength: 64 },
];

const INTERFACES: readonly NetworkInterface[] = [
  { name: "lo", index: 1 },
  { name: "eth0", index: 2 },
];

export function settleWorld(description: FakeHostDescription): FakeWorld {
  const system: SystemFacts = {
    platform: "linux",
    kernelRelease: "6.12.0",
    architecture: "x64",
    nowMs: Date.UTC(2025, 0, 1, 12),
    uid: 0,
    pid: 999,
    ...description.system,
  };
  const spaces = [description, ...(description.namespaces ?? [])];
  const namespaces = spaces.map((space, index) => settleNamespace(space, index));
  const processes = new Map<number, LivingProcess>();
  const settled = new Map<FakeSocket, HeldSocket>();
  const taken = new Set(spaces.flatMap((space) => (space.processes ?? []).flatMap(({ pid }) => pid ?? [])));
  const settle = (socket: FakeSocket, namespace: Namespace, uid: number | undefined): HeldSocket => {
    const known = settled.get(socket);
    if (known !== undefined) return known;
    const held = identify(socket, settled.size, namespace.inode, uid);
    settled.set(socket, held);
    namespace.sockets.push(held);
    return held;
  };
  let nextPid = FIRST_PID;
  for (const [index, space] of spaces.entries()) {
    const namespace = namespaces[index]!;
    for (const described of space.processes ?? []) {
      while (taken.has(nextPid)) nextPid++;
      const pid = described.pid ?? nextPid++;
      const uid = described.uid ?? 1000;
      const fds = descriptorsOf(described, (socket) => settle(socket, namespace, uid));
      processes.set(pid, {
        facts: { ...described, pid, uid, startTicks: described.startTicks ?? pid * 10 },
        netns: namespace.inode,
        fds,
        fdCount: fds.size + (described.otherFds ?? LOWEST_FD),
        readable: described.readable ?? (system.uid === 0 || system.uid === uid),
      });
    }
  }
  // After the processes: a socket that is in one of them too is that process' socket.
  for (const [index, space] of spaces.entries())
    for (const socket of space.sockets ?? []) settle(socket, namespaces[index]!, undefined);
  const users = description.users ?? { root: 0, deploy: 1000 };
  const containers = settleContainers(description, processes);
  return { description, system, namespaces, processes, containers, users };
}

/** Those that are described, and those that processes are in. */
function settleContainers(
  { containers = [] }: FakeHostDescription,
  processes: ReadonlyMap<number, LivingProcess>,
): Map<string, FakeContainer> {
  const ofProcesses = [...processes.values()].flatMap(({ facts }) => facts.container ?? []);
  const named = ofProcesses.toSorted((a, b) => Number(a.name !== undefined) - Number(b.name !== undefined));
  return new Map(
    [...named.map((container) => ({ container })), ...containers].map((each) => [each.container.id, each]),
  );
}

function settleNamespace(space: FakeNetns & { readonly mayEnter?: boolean }, index: number): Namespace {
  const ipv6 = space.ipv6 ?? true;
  const sysctls = new Map<string, string>();
  for (const [name, value] of Object.entries({ ...SYSCTLS, ...space.sysctls }))
    if (value !== undefined && (ipv6 || !name.startsWith("net.ipv6."))) sysctls.set(name, value);
  return {
    inode: space.inode ?? HOME_INODE + index * 100,
    names: space.names ?? [],
    mayEnter: space.mayEnter ?? true,
    ipv6,
    sysctls,
    addresses: (space.addresses ?? ADDRESSES).filter(({ family }) => ipv6 || family === "ipv4"),
    interfaces: space.interfaces ?? INTERFACES,
    counters: space.counters ?? {},
    sockets: [],
    ended: [],
  };
}

/** The socket goes; who held it has nothing any more. */
export function endSocket(world: FakeWorld, held: HeldSocket): void {
  for (const { sockets, ended } of world.namespaces) {
    const at = sockets.indexOf(held);
    if (at < 0) continue;
    sockets.splice(at, 1);
    const { cookie, local, state } = held.socket;
    // The kernel tells of the end of full sockets, and a TIME-WAIT is none.
    if (cookie !== undefined && state !== "TIME-WAIT") ended.push({ localPort: local.port, cookie });
  }
}

/** The process goes, and all that nobody else holds with it. */
export function endProcess(world: FakeWorld, pid: number): void {
  const living = world.processes.get(pid);
  world.processes.delete(pid);
  for (const held of living?.fds.values() ?? []) {
    const shared = [...world.processes.values()].some(({ fds }) => [...fds.values()].includes(held));
    if (!shared) endSocket(world, held);
  }
}

/** The kernel's identity for a socket. Without a process only a socket that could not be there otherwise has an inode. */
function identify(socket: FakeSocket, count: number, netns: number, holder: number | undefined): HeldSocket {
  const held =
    holder !== undefined || socket.state === "LISTEN" || socket.state === "BOUND" || socket.protocol === "udp";
  const uid = socket.uid ?? holder;
  return {
    socket: {
      ...shownSocket(socket),
      ...(uid === undefined ? {} : { uid }),
      ...(held ? { inode: socket.inode ?? FIRST_INODE + count } : {}),
      cookie: socket.cookie ?? `0x${(FIRST_COOKIE + count).toString(16).padStart(16, "0")}`,
      netns,
    },
    reuseAddr: socket.reuseAddr,
    reusePort: socket.reusePort,
  };
}

function descriptorsOf(described: FakeProcess, settle: (socket: FakeSocket) => HeldSocket): Map<number, HeldSocket> {
  const fds = new Map<number, HeldSocket>();
  for (const [fd, socket] of Object.entries(described.fds ?? {})) fds.set(Number(fd), settle(socket));
  let next = LOWEST_FD;
  for (const socket of described.sockets ?? []) {
    while (fds.has(next)) next++;
    fds.set(next, settle(socket));
  }
  return fds;
}
