/** Puts names to what owners.ts found: commands, users, units and containers; and a reason where nobody was found. */
import type { Host, ProcessFacts } from "../host/host.ts";
import type { Incomplete, Owner, Ownerless, Socket } from "../tcp/socket.ts";
import { userManagerOf } from "../tcp/user-manager.ts";
import { findOwners } from "./owners.ts";
import type { Progress } from "./progress.ts";
import type { OwnerScan, WantedSocket } from "./owners.ts";

export interface OwnersAnswer {
  /** The same socket with `owners` or `ownerless`; unchanged when it was only to be traced in passing, and was not. */
  readonly of: (socket: Socket) => Socket;
  readonly incomplete: readonly Incomplete[];
}

export interface OwnersQuestion {
  /** The search goes on until each of these is found, or everything is read. */
  readonly must: readonly Socket[];
  /** Traced as far as they turn up on the way. */
  readonly inPassing?: readonly Socket[];
  /** Local ports that have a listener: a connection without an inode on one of them has not been accepted yet. */
  readonly listeningPorts: ReadonlySet<number>;
  readonly progress?: Progress;
}

export async function traceOwners(host: Host, question: OwnersQuestion): Promise<OwnersAnswer> {
  const inPassing = question.inPassing ?? [];
  const scan = findOwners(host, wantedSockets(host, question.must), wantedSockets(host, inPassing), question.progress);
  const people = new People(host);
  const reasons = new Reasons(host, scan, question.listeningPorts);
  const traced = new Map<Socket, Socket>();
  for (const socket of question.must) traced.set(socket, (await people.name(socket, scan)) ?? reasons.explain(socket));
  for (const socket of inPassing) {
    const named = await people.name(socket, scan);
    if (named !== undefined) traced.set(socket, named);
    else if (socket.inode === undefined) traced.set(socket, reasons.explain(socket));
  }
  return { of: (socket) => traced.get(socket) ?? socket, incomplete: reasons.incomplete() };
}

/** Looking paths up is a walk of the cgroup tree: only worth it when few sockets are wanted. */
const MOST_CGROUP_LOOKUPS = 100;

function wantedSockets(host: Host, sockets: readonly Socket[]): WantedSocket[] {
  const paths = new Map<number, string | undefined>();
  return sockets.flatMap((socket) => {
    if (socket.inode === undefined) return [];
    let cgroup: string | undefined;
    // Cgroup 1 is the root of v2: it tells nothing on a host of v1.
    if (socket.cgroupId !== undefined && socket.cgroupId > 1 && sockets.length <= MOST_CGROUP_LOOKUPS) {
      if (!paths.has(socket.cgroupId)) paths.set(socket.cgroupId, host.cgroupPath(socket.cgroupId));
      cgroup = paths.get(socket.cgroupId);
    }
    return [
      {
        inode: socket.inode,
        ...(socket.uid === undefined ? {} : { uid: socket.uid }),
        ...(cgroup === undefined ? {} : { cgroup }),
      },
    ];
  });
}

/** A process as the holder of one descriptor; undefined when it is gone. */
export async function describeOwner(host: Host, pid: number, fd: number): Promise<Owner | undefined> {
  const person = await describePerson(host, pid);
  return person === undefined ? undefined : { ...person, fd };
}

/** Each process is asked once. */
class People {
  readonly #host: Host;
  readonly #known = new Map<number, Omit<Owner, "fd"> | undefined>();

  constructor(host: Host) {
    this.#host = host;
  }

  async name(socket: Socket, scan: OwnerScan): Promise<Socket | undefined> {
    const holdings = socket.inode === undefined ? undefined : scan.holdings.get(socket.inode);
    if (holdings === undefined) return undefined;
    const owners: Owner[] = [];
    for (const { pid, fd } of holdings) {
      if (!this.#known.has(pid)) this.#known.set(pid, await describePerson(this.#host, pid));
      const person = this.#known.get(pid);
      if (person !== undefined) owners.push({ ...person, pid, fd });
    }
    // All gone between the scan and now: the socket went with them, or soon will.
    return owners.length > 0 ? { ...socket, owners } : { ...socket, owners, ownerless: "unknown" };
  }
}

async function describePerson(host: Host, pid: number): Promise<Omit<Owner, "fd"> | undefined> {
  const facts = host.process(pid);
  if (facts === undefined) return undefined;
  const user = facts.uid === undefined ? undefined : host.userName(facts.uid);
  const container = await nameContainer(host, facts);
  const userManager = facts.cgroup === undefined ? undefined : userManagerOf(facts.cgroup);
  return {
    pid,
    command: facts.command,
    args: facts.args,
    ...(user === undefined ? {} : { user }),
    ...(facts.uid === undefined ? {} : { uid: facts.uid }),
    ...(facts.startedAtMs === undefined ? {} : { startedAt: new Date(facts.startedAtMs).toISOString() }),
    state: facts.state,
    ...(facts.unit === undefined ? {} : { unit: facts.unit }),
    ...(userManager === undefined ? {} : { userManager }),
    ...(container === undefined ? {} : { container }),
  };
}

async function nameContainer(host: Host, facts: ProcessFacts): Promise<Owner["container"]> {
  if (facts.container === undefined) return undefined;
  const name = await host.containerName(facts.container);
  return name === undefined ? facts.container : { ...facts.container, name };
}

/** Why nobody was found. What it costs to tell is paid only when it is asked. */
class Reasons {
  readonly #host: Host;
  readonly #scan: OwnerScan;
  readonly #listeningPorts: ReadonlySet<number>;
  #unseen = 0;
  #detached: ReturnType<Host["detachedSockets"]> | undefined;
  #hidden: boolean | undefined;

  constructor(host: Host, scan: OwnerScan, listeningPorts: ReadonlySet<number>) {
    this.#host = host;
    this.#scan = scan;
    this.#listeningPorts = listeningPorts;
  }

  explain(socket: Socket): Socket {
    return { ...socket, owners: [], ownerless: this.#reason(socket) };
  }

  #reason(socket: Socket): Ownerless {
    if (socket.inode === undefined) {
      const open = socket.state === "ESTABLISHED" || socket.state === "CLOSE-WAIT";
      return open && socket.protocol === "tcp" && this.#listeningPorts.has(socket.local.port) ? "unaccepted" : "kernel";
    }
    const denied = this.#mayBeDenied();
    // Of one's own processes hardly any may not be read: then what is seen on its way is the better explanation.
    if (denied && socket.uid === this.#host.system().uid && this.#isDetached(socket)) return "in-flight";
    if (denied) {
      this.#unseen++;
      return "no-permission";
    }
    if (this.#isRegistered(socket)) return "in-flight";
    if (this.#detachedSockets().ownPidNamespace) return "other-namespace";
    return this.#detachedSockets().inFlight.length > 0 ? "in-flight" : "unknown";
  }

  #isDetached(socket: Socket): boolean {
    if (this.#isRegistered(socket)) return true;
    const holders = new Set(this.#detachedSockets().inFlight);
    return this.#host.processes().some(({ pid, uid }) => holders.has(pid) && uid === socket.uid);
  }

  #isRegistered({ inode }: Socket): boolean {
    return this.#detachedSockets().ioUring.some((registered) => registered.inode === inode);
  }

  #detachedSockets(): ReturnType<Host["detachedSockets"]> {
    return (this.#detached ??= this.#host.detachedSockets());
  }

  /** A socket keeps its creator's uid, so any process that may not be read can be the one, whoever's it is. */
  #mayBeDenied(): boolean {
    if (this.#scan.denied.length > 0) return true;
    this.#hidden ??= this.#host.rights().seesAllProcesses.answer === "no";
    return this.#hidden;
  }

  incomplete(): Incomplete[] {
    if (this.#unseen === 0) return [];
    const count = this.#scan.denied.length;
    return [
      {
        what: `the owners of ${this.#unseen} socket${this.#unseen > 1 ? "s" : ""}`,
        why:
          count > 0
            ? `the descriptors of ${count} process${count > 1 ? "es" : ""} may not be read`
            : "/proc hides other users' processes (hidepid)",
        hint:
          this.#host.system().uid === 0
            ? "root lacks a right over them here (another user namespace, or a security module)"
            : "run it with sudo (CAP_SYS_PTRACE shows them)",
      },
    ];
  }
}
