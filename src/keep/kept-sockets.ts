/**
 * The sockets that are kept, and what becomes of each bind(2) and listen(2) that the program is about to make.
 *
 * TCP: at the bind of a wanted port the socket gets SO_REUSEADDR, so that the kernel's own answer is yes although an earlier life left
 * TIME-WAIT behind; at its listen it is kept. UDP: kept at the bind. In a later life the bind of the same place is answered with the kept
 * socket. A kept socket that the current life has, or that another process may have, is not given twice: the kernel answers then.
 *
 * Unix sockets are not kept: the path that a dead one has left behind, at which the bind would fail, is unlinked before it.
 *
 * What is kept is judged by the socket itself (getsockname), not by the address in the program's memory, which a thread of it can change.
 */
import type {
  BindAddress,
  BindCall,
  CallHandler,
  HostKeeping,
  KeptSocket,
  ListenCall,
  SocketPlace,
} from "../host/keeping.ts";
import { sumOf } from "./activated-sockets.ts";
import type { KeepEvent, LifeNumber, ReleaseReason } from "./keep-events.ts";
import type { Holder, KeptEntry } from "./kept-entry.ts";
import { ListensElsewhere } from "./listens-elsewhere.ts";
import type { ModeSockets } from "./mode-sockets.ts";
import { isSamePlace, standsInTheWay } from "./socket-place.ts";
import type { WantedPorts } from "./wanted-ports.ts";

export interface KeptSocketsOptions {
  readonly wanted: WantedPorts;
  readonly host: Pick<HostKeeping, "holds" | "findHolder">;
  readonly emit: (event: KeepEvent) => void;
}

/** More than a program listens on; a program that binds without end is not followed. */
const MOST_KEPT = 256;
const MOST_EXPLICIT = 1024;
const LOOKS_TO_MISS = 2;
const MOST_CONFIRM_MS = 500;

/** Mode adopt. */
export class KeptSockets implements ModeSockets {
  readonly mode = "adopt";
  readonly passed = [];
  readonly #options: KeptSocketsOptions;
  #entries: KeptEntry[] = [];
  /** Cookies of sockets that were bound to a port by number, oldest first: only those are kept where no port was named. */
  readonly #explicit = new Set<string>();
  readonly #elsewhere: ListensElsewhere;

  constructor(options: KeptSocketsOptions) {
    this.#options = options;
    this.#elsewhere = new ListensElsewhere(options.wanted);
  }

  get entries(): readonly KeptEntry[] {
    return this.#entries;
  }

  calls(life: LifeNumber): Pick<CallHandler, "onBind" | "onListen"> {
    return {
      onBind: (call) => this.onBind(life, call),
      onListen: (call) => this.onListen(life, call),
    };
  }

  async beforeStart(): Promise<void> {}

  onEnded(): void {}

  isServedBy(life: LifeNumber): boolean {
    return this.#entries.every(({ holder }) => holder.life === life);
  }

  takenOverBy(life: LifeNumber): "nothing" | "some" | "all" | undefined {
    if (this.#entries.length === 0) return undefined;
    const taken = this.#entries.filter(
      ({ holder, toldLife, place }) => holder.life === life && (place.protocol === "udp" || toldLife === life),
    );
    if (taken.length === 0) return "nothing";
    return taken.length === this.#entries.length ? "all" : "some";
  }

  giveBack(from: LifeNumber, to: LifeNumber): void {
    for (const entry of this.#entries)
      if (entry.holder.life === from && this.isHeld(entry)) entry.holder = { ...entry.holder, life: to };
  }

  /** Not one that only an earlier life has left behind: it was the one that took it, or was started after that. */
  holderOf(life: LifeNumber): number | undefined {
    const { host } = this.#options;
    for (const { holder, taken, socket } of this.#entries) {
      if (holder.life !== life) continue;
      if (host.holds(taken.pid, taken.fd, socket.inode) === true) return taken.pid;
      const found = host.findHolder(socket.inode, taken.atTicks);
      if (found !== undefined) return found.pid;
    }
    return undefined;
  }

  places(): readonly SocketPlace[] {
    return this.#entries
      .map(({ place }) => place)
      .filter((place, index, all) => all.findIndex((other) => isSamePlace(other, place)) === index);
  }

  waitingCount(): number | undefined {
    return sumOf(this.#entries.map(({ socket }) => socket.waitingCount()));
  }

  onBind(life: LifeNumber, call: BindCall): void {
    const { address, unixPath } = call;
    if (unixPath !== undefined && call.clearPath())
      this.#options.emit({ kind: "path-cleared", path: unixPath, pid: call.pid });
    if (address === undefined || address.port === 0 || !this.#mayBeWanted(address)) return call.letThrough();
    const socket = call.duplicate();
    if ("errno" in socket) return this.#cannot(call, "pidfd_getfd(2)", socket.errno);
    const unbound = socket.place();
    // A socket that is bound already: EINVAL, says the kernel.
    if (unbound?.port !== 0 || unbound.family !== address.family) return letThroughWithout(socket, call);
    const place: SocketPlace = { ...unbound, ...address };
    if (!this.#options.wanted.wants(place)) return letThroughWithout(socket, call);
    const { pid, uid, fd } = call;
    const taken = { pid, fd, atTicks: call.heardTicks };
    const kept = this.#freeFor(life, place, uid);
    // It would never hear of a connection. So it gets its own socket, and who waited in the kept one's queue is reset.
    if (kept !== undefined && call.isWatched(socket.inode)) this.release(kept, "watched");
    else if (kept !== undefined && call.replaceWith(kept.socket, socket, this.#isLive(kept)) === "ok") {
      socket.close();
      kept.holder = { life, pid, fd };
      kept.taken = taken;
      kept.missedLooks = 0;
      this.#options.emit({ kind: "returned", place: kept.place, pid, connections: kept.socket.waitingCount() });
      return undefined;
    }
    this.#makeWayFor(life, place);
    this.#options.emit({ kind: "bound", place, pid });
    if (place.protocol === "udp") {
      const holder = { life, pid, fd };
      this.#keep({ socket, place, uid, holder, taken, backlog: undefined, stopped: false, missedLooks: 0 });
      return call.letThrough();
    }
    socket.setReuseAddr();
    this.#remember(socket.cookie);
    return letThroughWithout(socket, call);
  }

  onListen(life: LifeNumber, call: ListenCall): void {
    const socket = call.duplicate();
    if ("errno" in socket) return this.#cannot(call, "pidfd_getfd(2)", socket.errno);
    const { pid, uid, fd, backlog } = call;
    const known = this.#entries.find(({ socket: { inode } }) => inode === socket.inode);
    if (known !== undefined) {
      known.backlog = backlog;
      known.stopped = false;
      known.holder = { life, pid, fd };
      known.missedLooks = 0;
      letThroughWithout(socket, call);
      return this.#confirmListening(known, known.holder);
    }
    const place = socket.place();
    if (place?.protocol === "tcp") this.#elsewhere.heard(place);
    const explicit = this.#options.wanted.named !== undefined || this.#explicit.delete(socket.cookie ?? "");
    if (place?.protocol !== "tcp" || !explicit || !this.#options.wanted.wants(place))
      return letThroughWithout(socket, call);
    const holder = { life, pid, fd };
    const taken = { pid, fd, atTicks: call.heardTicks };
    const entry = { socket, place, uid, holder, taken, backlog, stopped: false, missedLooks: 0 };
    call.letThrough();
    if (this.#keep(entry)) this.#confirmListening(entry, entry.holder);
    return undefined;
  }

  /** Closes our descriptor: without another holder that is the end of the socket. */
  release(entry: KeptEntry, because: ReleaseReason): void {
    this.#entries = this.#entries.filter((one) => one !== entry);
    entry.socket.close();
    this.#options.emit({ kind: "released", place: entry.place, because });
  }

  releaseAll(because: ReleaseReason): void {
    for (const entry of this.#entries) this.release(entry, because);
  }

  /** What nobody has for two looks in a row although the program lives is let go: it closed it on purpose. */
  look(life: LifeNumber | undefined): void {
    if (life === undefined) return;
    const elsewhere = this.#elsewhere.look(this.#entries.length > 0);
    if (elsewhere !== undefined) this.#options.emit(elsewhere);
    for (const entry of this.#entries) {
      const bound = entry.socket.place()?.port !== 0;
      if (bound && this.isHeld(entry)) entry.missedLooks = 0;
      else if (entry.holder.life !== life && !this.#isTakenBeside(entry, life)) continue;
      else if (++entry.missedLooks >= LOOKS_TO_MISS)
        this.release(entry, !bound ? "not-bound" : entry.holder.life === life ? "closed" : "unclaimed");
    }
  }

  /** Nobody is there: whoever connects is refused at once. Those that live children of the program have are left. */
  stopListening(): boolean {
    let stopped = false;
    for (const entry of this.#entries) {
      if (entry.stopped || !entry.socket.isListening() || this.isHeld(entry)) continue;
      entry.stopped = entry.socket.stopListening() === "ok";
      stopped ||= entry.stopped;
    }
    return stopped;
  }

  /** Of several at one place (SO_REUSEPORT), does this life have some already? The rest then get connections that nobody accepts. */
  #isTakenBeside({ place }: KeptEntry, life: LifeNumber): boolean {
    return this.#entries.some((other) => other.holder.life === life && isSamePlace(other.place, place));
  }

  /** By a cheap look first; the expensive one, at all processes, only where that says no. */
  isHeld(entry: KeptEntry): boolean {
    const { host } = this.#options;
    const { holder, socket } = entry;
    if (host.holds(holder.pid, holder.fd, socket.inode) !== false) return true;
    const found = host.findHolder(socket.inode);
    if (found === undefined) return false;
    entry.holder = { ...found, life: holder.life };
    return true;
  }

  /** By the cheap look alone: a hand-over is on its way. */
  #isLive({ holder, socket }: KeptEntry): boolean {
    return this.#options.host.holds(holder.pid, holder.fd, socket.inode) === true;
  }

  #keep(entry: KeptEntry): boolean {
    if (this.#entries.length >= MOST_KEPT) {
      entry.socket.close();
      return false;
    }
    this.#entries.push(entry);
    this.#options.emit({ kind: "kept", place: entry.place, pid: entry.holder.pid });
    return true;
  }

  /** The call was let through a moment ago; nobody tells when the kernel has carried it out. */
  #confirmListening(entry: KeptEntry, holder: Holder, waitMs = 0): void {
    if (!this.#entries.includes(entry) || waitMs > MOST_CONFIRM_MS || entry.toldLife === holder.life) return;
    if (entry.socket.isListening()) {
      entry.toldLife = holder.life;
      this.#options.emit({ kind: "listening", place: entry.place, pid: holder.pid, life: holder.life });
    } else setTimeout(() => this.#confirmListening(entry, holder, Math.max(1, waitMs * 2)), waitMs);
  }

  /** Of those at this place: first one that no life has had since the last, then one that its holder has closed. */
  #freeFor(life: LifeNumber, place: SocketPlace, uid: number | undefined): KeptEntry | undefined {
    const here = this.#entries.filter(
      (entry) => isSamePlace(entry.place, place) && entry.uid !== undefined && (entry.uid === uid || uid === 0),
    );
    return here.find(({ holder }) => holder.life !== life) ?? here.find((entry) => !this.isHeld(entry));
  }

  /** The program has moved: what it had before would only block it. */
  #makeWayFor(life: LifeNumber, place: SocketPlace): void {
    for (const entry of this.#entries)
      if (entry.holder.life !== life && standsInTheWay(entry.place, place) && !isSamePlace(entry.place, place))
        this.release(entry, "moved");
  }

  #mayBeWanted({ address, port }: BindAddress): boolean {
    const { wants } = this.#options.wanted;
    return wants({ protocol: "tcp", address, port }) || wants({ protocol: "udp", address, port });
  }

  #remember(cookie: string | undefined): void {
    if (cookie === undefined) return;
    this.#explicit.add(cookie);
    if (this.#explicit.size <= MOST_EXPLICIT) return;
    const [oldest] = this.#explicit;
    if (oldest !== undefined) this.#explicit.delete(oldest);
  }

  #cannot(call: BindCall | ListenCall, step: string, errno: string): void {
    call.letThrough();
    // The caller was killed meanwhile, or the descriptor is none: the kernel says so itself.
    if (errno !== "ESRCH" && errno !== "EBADF") this.#options.emit({ kind: "cannot-keep", pid: call.pid, step, errno });
  }
}

/** What was duplicated is given back before the kernel goes on: a close(2) of the program is then the end of its socket again. */
function letThroughWithout(socket: KeptSocket, call: BindCall | ListenCall): void {
  socket.close();
  call.letThrough();
}
