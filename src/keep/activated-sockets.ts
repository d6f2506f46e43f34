/**
 * Mode activate: the keeper binds and listens, and the program is handed what it made (sd_listen_fds(3)). While the program is down the
 * sockets go on listening, because they are ours.
 */
import type {
  CannotKeep,
  HostKeeping,
  ListenerEndpoint,
  PassedDescriptor,
  PassedSocket,
  SocketPlace,
} from "../host/keeping.ts";
import type { KeepEvent, ReleaseReason } from "./keep-events.ts";
import { UnheardSockets } from "./mode-sockets.ts";
import type { ModeSockets } from "./mode-sockets.ts";

/** What systemd's Backlog= is by default, too: the kernel cuts it to somaxconn. */
const BACKLOG = 4096;

/** What the program is handed, and what it is called in LISTEN_FDNAMES. */
export interface WantedListener {
  readonly endpoint: ListenerEndpoint;
  readonly name: string;
}

interface Activated {
  readonly socket: PassedSocket;
  readonly name: string;
}

export class ActivatedSockets extends UnheardSockets implements ModeSockets {
  readonly mode = "activate";
  readonly #host: Pick<HostKeeping, "findHolder">;
  readonly #sockets: readonly Activated[];
  readonly #emit: (event: KeepEvent) => void;
  #stopped = false;
  #isUp = false;

  private constructor(
    host: Pick<HostKeeping, "findHolder">,
    sockets: readonly Activated[],
    emit: (event: KeepEvent) => void,
  ) {
    super();
    this.#host = host;
    this.#sockets = sockets;
    this.#emit = emit;
  }

  /** Binds all of them, or none. */
  static open(
    host: Pick<HostKeeping, "bindListener" | "findHolder">,
    wanted: readonly WantedListener[],
    emit: (event: KeepEvent) => void,
  ): ActivatedSockets | CannotKeep {
    const sockets: Activated[] = [];
    for (const { endpoint, name } of wanted) {
      const socket = bindListener(host, endpoint);
      if ("errno" in socket) {
        for (const one of sockets) one.socket.close();
        return socket;
      }
      sockets.push({ socket, name });
    }
    return new ActivatedSockets(host, sockets, emit);
  }

  get passed(): readonly PassedDescriptor[] {
    return this.#sockets.map(({ socket: { fd }, name }) => ({ fd, name }));
  }

  /** It listens again, if it was stopped. */
  async beforeStart(): Promise<void> {
    this.#isUp = true;
    if (this.#stopped) for (const { socket } of this.#sockets) socket.listen(BACKLOG);
    this.#stopped = false;
  }

  onEnded(): void {
    this.#isUp = false;
  }

  stopListening(): boolean {
    if (this.#isUp || this.#stopped) return false;
    // Children that outlived the program may serve on.
    const idle = this.#sockets.filter(
      ({ socket }) => socket.isListening() && this.#host.findHolder(socket.inode) === undefined,
    );
    this.#stopped = idle.filter(({ socket }) => socket.stopListening() === "ok").length > 0;
    return this.#stopped;
  }

  waitingCount(): number | undefined {
    return sumOf(this.#sockets.map(({ socket }) => socket.waitingCount()));
  }

  places(): readonly SocketPlace[] {
    return this.#sockets.flatMap(({ socket }) => socket.place() ?? []);
  }

  releaseAll(because: ReleaseReason): void {
    for (const { socket } of this.#sockets) {
      const place = socket.place();
      socket.close();
      if (place !== undefined) this.#emit({ kind: "released", place, because });
    }
  }
}

/** A wildcard of IPv6 stands for both families; where there is no IPv6, it is the one of IPv4. */
function bindListener(host: Pick<HostKeeping, "bindListener">, endpoint: ListenerEndpoint): PassedSocket | CannotKeep {
  const options = { backlog: BACKLOG, reuseAddr: true, reusePort: false };
  const made = host.bindListener(endpoint, options);
  const hasNoIpv6 = "errno" in made && (made.errno === "EAFNOSUPPORT" || made.errno === "EADDRNOTAVAIL");
  if (!hasNoIpv6 || endpoint.address !== "::") return made;
  return host.bindListener({ ...endpoint, family: "ipv4", address: "0.0.0.0" }, options);
}

/** Undefined: there is none. */
export function sumOf(counts: readonly (number | undefined)[]): number | undefined {
  return counts.reduce((sum, count) => (count === undefined ? sum : (sum ?? 0) + count), undefined);
}
