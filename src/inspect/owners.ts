/**
 * Who holds these sockets? Only the processes that can matter are read, in the order in which they are likely to: those of the sockets'
 * network namespace, then of their users, of their cgroups, and the small descriptor tables before the big ones.
 *
 * Two passes. The first looks at the low descriptors of every candidate (servers open their listeners early, and it finds all the
 * processes that share one), the second reads whole tables, one process at a time, and stops when nothing is wanted any more. Whoever
 * holds a socket got it by fork or by message, mostly under the same number: the other processes are asked for exactly that descriptor.
 * With hundreds of processes the first pass has two steps, and the second step only looks at the holders' ancestors and descendants where
 * the first has found everything: looking up one descriptor costs the kernel 3 µs (proc_lookupfd_common() makes an inode for it).
 */
import type { Host, ProcessSummary } from "../host/host.ts";
import type { Progress } from "./progress.ts";

/** Descriptors below this are looked at in every candidate. */
const LOW_FDS = 32;
/** Descriptors below this first, where there are many candidates. */
const LOWEST_FDS = 8;
/** Of so many, all low descriptors cost less than 10 ms. */
const MANY_PROCESSES = 100;

export interface WantedSocket {
  readonly inode: number;
  readonly uid?: number;
  readonly cgroup?: string;
}

export interface Holding {
  readonly pid: number;
  readonly fd: number;
}

export interface OwnerScan {
  readonly holdings: ReadonlyMap<number, readonly Holding[]>;
  /** Processes whose descriptors this user may not read. */
  readonly denied: readonly ProcessSummary[];
  /** How many processes had their descriptor table read, wholly or in part. */
  readonly processesRead: number;
}

/** `wanted` are searched for until they are found; `inPassing` are noted when they turn up on the way. */
export function findOwners(
  host: Host,
  wanted: readonly WantedSocket[],
  inPassing: readonly WantedSocket[] = [],
  progress?: Progress,
): OwnerScan {
  const search = new OwnerSearch(host, wanted, inPassing, progress);
  if (wanted.length > 0) search.run();
  return search;
}

class OwnerSearch implements OwnerScan {
  readonly holdings = new Map<number, Holding[]>();
  readonly denied: ProcessSummary[] = [];
  processesRead = 0;
  readonly #host: Host;
  readonly #wanted: readonly WantedSocket[];
  readonly #missing: Set<number>;
  readonly #interesting: ReadonlySet<number>;
  readonly #whole = new Set<number>();
  readonly #progress: Progress | undefined;

  constructor(
    host: Host,
    wanted: readonly WantedSocket[],
    inPassing: readonly WantedSocket[],
    progress: Progress | undefined,
  ) {
    this.#host = host;
    this.#progress = progress;
    this.#wanted = wanted;
    this.#missing = new Set(wanted.map(({ inode }) => inode));
    this.#interesting = new Set([...wanted, ...inPassing].map(({ inode }) => inode));
  }

  run(): void {
    const netns = this.#host.netns().inode;
    const all = this.#host.processes().filter((process) => process.fdCount !== 0);
    const isNear = (process: ProcessSummary): boolean =>
      netns === undefined || process.netns === undefined || process.netns === netns;
    this.#search(all.filter(isNear));
    // A socket outlives a move: a process of another namespace can hold one of this.
    if (this.#missing.size > 0) this.#search(all.filter((process) => !isNear(process)));
  }

  #search(candidates: readonly ProcessSummary[]): void {
    const ordered = this.#inOrder(candidates);
    const readable = this.#readLow(ordered);
    if (this.#missing.size === 0) return;
    const users = new Set(this.#wanted.filter(({ inode }) => this.#missing.has(inode)).map(({ uid }) => uid));
    const groups = this.#wantedCgroups();
    const rank = (process: ProcessSummary): number =>
      (groups.size > 0 && groups.has(this.#cgroupOf(process.pid) ?? "") ? 0 : 2) + (users.has(process.uid) ? 0 : 1);
    const ranks = new Map(readable.map((process) => [process.pid, rank(process)]));
    const second = [...readable].sort(
      (a, b) => ranks.get(a.pid)! - ranks.get(b.pid)! || (a.fdCount ?? 0) - (b.fdCount ?? 0),
    );
    for (const process of second) {
      if (this.#missing.size === 0) return;
      if (this.#whole.has(process.pid)) continue;
      const before = this.#missing.size;
      this.#read(process);
      if (this.#missing.size < before) this.#askOthers(process.pid, readable);
    }
  }

  /** The low descriptors of everybody who may be looked at. */
  #readLow(ordered: readonly ProcessSummary[]): ProcessSummary[] {
    if (ordered.length < MANY_PROCESSES) return ordered.filter((process) => this.#read(process, LOW_FDS));
    const readable = ordered.filter((process) => this.#read(process, LOWEST_FDS));
    const rest = new Map(readable.filter(({ pid }) => !this.#whole.has(pid)).map((process) => [process.pid, process]));
    const askedFor = new Set<number>();
    while (rest.size > 0) {
      const family = this.#missing.size === 0 ? this.#familyOfHolders(askedFor) : rest.keys();
      const known = rest.size;
      for (const pid of family ?? rest.keys()) {
        const process = rest.get(pid);
        if (process !== undefined) this.#read(process, LOW_FDS, LOWEST_FDS);
        rest.delete(pid);
      }
      // What was read can have shown another holder, with relatives of its own.
      if (rest.size === known) break;
    }
    return readable;
  }

  /** Those with whom a holder can share its sockets by fork, of holders that were not asked for yet; undefined where it cannot be told. */
  #familyOfHolders(askedFor: Set<number>): Set<number> | undefined {
    const family = new Set<number>();
    for (const { inode } of this.#wanted)
      for (const { pid } of this.holdings.get(inode) ?? []) {
        if (askedFor.has(pid)) continue;
        askedFor.add(pid);
        const relatives = this.#host.relatives(pid);
        if (relatives === undefined) return undefined;
        for (const one of [pid, ...relatives]) family.add(one);
      }
    return family;
  }

  #inOrder(candidates: readonly ProcessSummary[]): ProcessSummary[] {
    const users = new Set(this.#wanted.map(({ uid }) => uid));
    return [...candidates].sort(
      (a, b) =>
        Number(users.has(b.uid)) - Number(users.has(a.uid)) || (a.fdCount ?? 0) - (b.fdCount ?? 0) || a.pid - b.pid,
    );
  }

  #wantedCgroups(): Set<string> {
    const groups = new Set<string>();
    for (const { inode, cgroup } of this.#wanted)
      if (cgroup !== undefined && cgroup !== "/" && this.#missing.has(inode)) groups.add(cgroup);
    return groups;
  }

  #cgroupOf(pid: number): string | undefined {
    return this.#host.process(pid)?.cgroup;
  }

  /** False when this process' descriptors may not be read, or it is gone. */
  #read(process: ProcessSummary, below?: number, from?: number): boolean {
    const answer = this.#host.socketFds(process.pid, below, from);
    if ("errno" in answer) {
      if (answer.errno === "EACCES" || answer.errno === "EPERM") this.denied.push(process);
      return false;
    }
    this.processesRead++;
    this.#progress?.(this.processesRead, "processes");
    if (answer.complete) this.#whole.add(process.pid);
    for (const { fd, inode } of answer.fds) this.#found(inode, { pid: process.pid, fd });
    return true;
  }

  #found(inode: number, holding: Holding): void {
    const known = this.holdings.get(inode);
    if (known !== undefined) {
      if (!known.some(({ pid, fd }) => pid === holding.pid && fd === holding.fd)) known.push(holding);
    } else if (this.#interesting.has(inode)) {
      this.#missing.delete(inode);
      this.holdings.set(inode, [holding]);
    }
  }

  /** The same descriptor number in the other processes: whoever inherited the socket has it there. */
  #askOthers(finder: number, readable: readonly ProcessSummary[]): void {
    for (const [inode, holdings] of this.holdings) {
      const mine = holdings.find(({ pid }) => pid === finder);
      if (mine === undefined || mine.fd < LOW_FDS) continue;
      for (const { pid } of readable) {
        if (pid !== finder && !this.#whole.has(pid) && this.#host.socketInode(pid, mine.fd) === inode)
          this.#found(inode, { pid, fd: mine.fd });
      }
    }
  }
}
