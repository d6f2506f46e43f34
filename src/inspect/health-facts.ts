/** What `doctor` judges, gathered from a host: a look at the sockets, listeners with their programs, descriptors, settings. Judges nothing. */
import { isPortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import type { DescriptorUse, HealthLook, HealthSnapshot, ListenerFacts, ProcessPlace } from "../tcp/health-snapshot.ts";
import type { SysctlLine } from "../tcp/health-snapshot.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { maskOf } from "../tcp/states.ts";
import { askerOf } from "./asker.ts";
import { autoBoundCookies } from "./auto-bound.ts";
import { traceOwners } from "./describe-owners.ts";
import { lookAtHealth } from "./health-look.ts";
import type { LookedAt } from "./health-look.ts";
import type { Progress } from "./progress.ts";
import { rootPrefixOf } from "./root-prefix.ts";
import { sharedUdpPorts } from "./shared-udp-ports.ts";

export interface HealthRequest {
  /** Names of the settings that judgements need. */
  readonly settings: readonly string[];
  readonly before?: HealthLook;
  /** How a user enters the host's network namespace, "ip netns exec web". */
  readonly enterCommand?: string;
  /** The same, as the user named it. */
  readonly netns?: string;
  readonly progress?: Progress;
}

/** How much was looked at, for an answer that nothing is wrong. */
export interface LookedThrough {
  readonly sockets: number;
  readonly listeners: number;
  readonly processes: number;
}

export interface GatheredHealth {
  readonly snapshot: HealthSnapshot;
  readonly looked: LookedThrough;
}

export async function gatherHealth(host: Host, request: HealthRequest, signal?: AbortSignal): Promise<GatheredHealth> {
  const seen = await lookAtHealth(host, request.progress, signal);
  const incomplete: Incomplete[] = [...seen.incomplete];
  const { kernelRelease, nowMs, uid } = host.system();
  const configured = host.sysctlLines();
  const named = configured.map(({ name }) => name).filter((name) => COMPARED.test(name));
  const settings = readSettings(host, [...request.settings, ...named], incomplete);
  const described = await describeListeners(host, seen, incomplete, request.progress);
  const snapshot: HealthSnapshot = {
    system: { kernelRelease, nowMs, uid },
    settings,
    configured: configured.map((line) => withExistence(line, settings)),
    now: seen.look,
    ...(request.before === undefined ? {} : { before: request.before }),
    listeners: described.filter(({ socket }) => socket.protocol === "tcp"),
    udpSharers: described.filter(({ socket }) => socket.protocol === "udp"),
    descriptors: readDescriptors(host, incomplete),
    rootPrefix: rootPrefixOf(uid, request.enterCommand),
    asker: askerOf(host, request.netns, true),
    incomplete,
  };
  return {
    snapshot,
    looked: { sockets: seen.sockets, listeners: seen.listeners.length, processes: knownProcesses(host) },
  };
}

/**
 * Settings of files that are compared with the kernel's: those that bear on sockets, whole names without patterns. No key of Fast Open; and
 * not whether packets are forwarded, which Docker, Kubernetes and VPNs switch on by themselves: to set that back as the file says cuts off
 * their networks.
 */
const COMPARED =
  /^(?:net\.ipv4\.(?:tcp|ip)_(?!fastopen_key|forward)[a-z0-9_]+|net\.core\.[a-z0-9_]+|fs\.(?:file-max|nr_open))$/;

function withExistence(line: SysctlLine, settings: HealthSnapshot["settings"]): SysctlLine {
  return COMPARED.test(line.name) ? { ...line, exists: settings[line.name] !== undefined } : line;
}

/** A recording of an earlier version was not asked for all of them; that is no reason to say nothing. */
function readSettings(host: Host, names: readonly string[], incomplete: Incomplete[]): Record<string, string> {
  const settings: Record<string, string> = {};
  const missing: string[] = [];
  for (const name of new Set(names)) {
    try {
      const value = host.sysctl(name);
      if (value !== undefined) settings[name] = value;
    } catch (error) {
      if (!isPortmortemError(error) || error.code !== "PM_REPLAY_MISSING") throw error;
      missing.push(name);
    }
  }
  if (missing.length > 0)
    incomplete.push({ what: `settings ${missing.join(", ")}`, why: "the recording was made without them" });
  return settings;
}

/** More sharers than this say no more about a listener. */
const MOST_PROCESSES = 32;

/** TCP listeners, and those UDP sockets of which one may take from another. */
async function describeListeners(
  host: Host,
  seen: LookedAt,
  incomplete: Incomplete[],
  progress: Progress | undefined,
): Promise<ListenerFacts[]> {
  const sockets = [...seen.listeners, ...sharedUdpPorts(host)];
  const owners = await traceOwners(host, {
    must: sockets,
    listeningPorts: new Set(),
    ...(progress === undefined ? {} : { progress }),
  });
  incomplete.push(...owners.incomplete);
  const places = new Map<number, ProcessPlace | undefined>();
  const automatic = autoBoundCookies(host, maskOf("LISTEN"), { kind: "autobound" });
  return sockets.map((listener) => {
    const socket = owners.of(listener);
    const pids = new Set((socket.owners ?? []).slice(0, MOST_PROCESSES).map(({ pid }) => pid));
    const isTcp = listener.protocol === "tcp";
    const waiting = isTcp ? seen.oldestWaitingMs(listener) : undefined;
    return {
      socket,
      processes: [...pids].flatMap((pid) => {
        if (!places.has(pid)) places.set(pid, placeOf(host, pid));
        return places.get(pid) ?? [];
      }),
      ...(waiting === undefined ? {} : { oldestWaitingMs: waiting }),
      ...(automatic === undefined || socket.cookie === undefined || !isTcp
        ? {}
        : { autoBound: automatic.has(socket.cookie) }),
    };
  });
}

function placeOf(host: Host, pid: number): ProcessPlace | undefined {
  const surroundings = host.surroundings(pid);
  const startedAtMs = host.process(pid)?.startedAtMs;
  if (surroundings === undefined) return undefined;
  return { pid, ...surroundings, ...(startedAtMs === undefined ? {} : { startedAtMs }) };
}

/** Whoever has fewer descriptors than this has room in any limit that a program can run with. */
const FEW_DESCRIPTORS = 32;

/** Before Linux 6.2 only those that may be looked at are counted. */
function readDescriptors(host: Host, incomplete: Incomplete[]): DescriptorUse[] {
  const processes = ownProcesses(host);
  const told = processes.some(({ fdCount }) => fdCount !== undefined);
  const { kernelRelease, uid } = host.system();
  if (!told && uid !== 0)
    incomplete.push({
      what: "how many descriptors the processes of other users have",
      why: `Linux ${kernelRelease} tells it only to those who may read them (6.2 and later tell everybody)`,
      hint: "run it with sudo",
    });
  return processes.flatMap(({ pid, fdCount = 0 }) => {
    const { soft: limit, hard } = told && fdCount < FEW_DESCRIPTORS ? {} : (host.descriptorLimit(pid) ?? {});
    // Up to half of it nobody wants to know who that is.
    const least = Math.max(FEW_DESCRIPTORS, Math.ceil((limit ?? 0) / 2));
    if (limit === undefined || (told && fdCount < least)) return [];
    const count = told ? fdCount : host.descriptorCount(pid, least);
    const command = count === undefined || count < least ? undefined : host.process(pid)?.command;
    return count === undefined || command === undefined
      ? []
      : [{ pid, command, count, limit, ...(hard === undefined ? {} : { hardLimit: hard }) }];
  });
}

/** Those of this network namespace, and those of which this user cannot tell. */
function ownProcesses(host: Host): ReturnType<Host["processes"]> {
  const netns = host.netns().inode;
  return host.processes().filter((process) => process.netns === undefined || process.netns === netns);
}

/** Of how many it is known that they are of this network namespace. */
function knownProcesses(host: Host): number {
  const netns = host.netns().inode;
  return ownProcesses(host).filter((process) => netns === undefined || process.netns === netns).length;
}
