/** Builds what holds the port of a scene. Sockets are made here, where calls are cheap, and handed over to those who are to hold them. */
import type { Calls, SocketOptions } from "../bind/calls.ts";
import type { Bystander } from "./bystander.ts";
import type { Ground, Helper } from "./ground.ts";
import { OTHERS, SILENT_ADDRESS } from "./ground.ts";
import type { Owner } from "./owner.ts";
import type { End, Piece, Played } from "./played.ts";
import { ROOT } from "./scene.ts";
import type { Binding, FreeScene, Half, Left, Occupant } from "./scene.ts";

/** On `lo` a connection is there when connect() returns; the machine may be busy. */
const DEADLINE_MS = 20;
const PLAIN: SocketOptions = { v6only: false, reuseAddr: false, reusePort: false };

type Of<K extends Occupant["kind"]> = Extract<Occupant, { kind: K }>;

export function emptyScene(scene: FreeScene, port: number): Played {
  return {
    scene,
    port,
    told: [],
    pieces: new Map(),
    innocent: new Set(),
    connections: [],
    listeners: [],
    owners: [],
    given: [],
    tidy: [],
    kept: [],
  };
}

/** A socket that could not be made as planned; the scene goes on without it. */
export class Missed extends Error {}

export class Stage {
  readonly #ground: Ground;
  readonly #calls: Calls;
  readonly #played: Played;
  readonly #port: number;

  constructor(ground: Ground, played: Played) {
    this.#ground = ground;
    this.#calls = ground.calls;
    this.#played = played;
    this.#port = played.port;
  }

  play(): void {
    for (const [index, occupant] of this.#played.scene.occupants.entries()) {
      try {
        this.#occupy(occupant, index);
      } catch (error) {
        if (!(error instanceof Missed)) throw error;
        this.#played.told.push(`occupant ${index + 1}: ${error.message}`);
      }
    }
  }

  #occupy(occupant: Occupant, index: number): void {
    switch (occupant.kind) {
      case "server":
        return this.#serve(occupant);
      case "bound": {
        const { protocol } = this.#played.scene.question;
        const fd = this.bound(occupant, this.#port, occupant.uid, protocol);
        return this.#hold(occupant, fd, []);
      }
      case "left":
        return this.#leave(occupant);
      case "accepted":
        return this.#accepted(occupant);
      case "client":
        return this.#goOut(occupant, this.#ground.helpers[index]!);
    }
  }

  #serve(occupant: Of<"server">): void {
    const fd = this.listening(occupant, this.#port, occupant.uid);
    const connections: { readonly mine: number; readonly peer: number }[] = [];
    for (let made = 0; made < occupant.clients; made++) {
      try {
        connections.push(this.connected(fd, reachedBy(occupant), this.#port));
      } catch (error) {
        // Another, more exact listener has taken it.
        if (!(error instanceof Missed)) throw error;
        this.#played.told.push(error.message);
      }
    }
    if (occupant.queued) {
      const peer = this.#connect(reachedBy(occupant), this.#port);
      this.give(peer, this.#ground.bystanders.first);
    }
    this.#hold(occupant, fd, connections);
  }

  #hold(
    occupant: Of<"server" | "bound">,
    fd: number,
    connections: readonly { readonly mine: number; readonly peer: number }[],
  ): void {
    const { calls, owners, bystanders } = this.#ground;
    const mine = connections.map((one) => one.mine);
    const fds = [fd, ...mine];
    const cookies = fds.map((one) => calls.cookie(one));
    const self = occupant.conduct === "self";
    const started: Owner[] = [];
    if (self) this.#played.kept.push(...fds);
    else {
      for (const one of mine) calls.letWait(one);
      for (let count = occupant.conduct === "shared" ? 3 : 1; count > 0; count--)
        started.push(owners.start(occupant.conduct, occupant.uid, [fd], mine));
      this.#played.owners.push(...started);
      for (const one of fds) calls.close(one);
    }
    for (const [index, cookie] of cookies.entries())
      this.#piece(cookie, { occupant, owners: started, mine: self, goesOn: index === 1 });
    for (const [index, { peer }] of connections.entries()) {
      const near = this.give(peer, index === 0 ? bystanders.first : bystanders.nobody);
      const far = started[0];
      // Only the first one is answered, and where several share it anyone may answer.
      if (far !== undefined && index === 0 && started.length === 1)
        this.#played.connections.push({
          near,
          far,
          portCookie: cookies[1]!,
          what: `a client of the ${occupant.conduct} server`,
        });
    }
  }

  #leave(occupant: Of<"left">): void {
    const { mine, peer } = this.#connectionOfNobody(occupant);
    this.#piece(this.#calls.cookie(mine), { occupant, owners: [] });
    this.end(occupant.ending, mine, peer);
  }

  /** Closes `mine`, and the other end unless it is needed to keep this one in its state. */
  end(ending: Left, mine: number, peer: number): void {
    const calls = this.#calls;
    if (ending !== "time-wait" && ending !== "fin-wait-2") calls.fill(mine, peer);
    if (ending === "last-ack") calls.shutdown(peer);
    calls.close(mine);
    if (ending === "time-wait") return calls.close(peer);
    if (ending === "closing") calls.shutdown(peer);
    if (ending === "fin-wait-2") calls.acknowledge(peer);
    this.give(peer, this.#ground.bystanders.second);
  }

  #accepted(occupant: Of<"accepted">): void {
    const { mine, peer } = this.#connectionOfNobody(occupant);
    this.#keepHalf(occupant, occupant.ending, mine, peer, true);
  }

  #goOut(occupant: Of<"client">, helper: Helper): void {
    const calls = this.#calls;
    const fd = calls.open("tcp", occupant.address, occupant);
    const ipv6 = occupant.address.includes(":");
    const silent = occupant.ending === "syn-sent";
    const target = silent ? SILENT_ADDRESS : reachedBy(occupant);
    if (occupant.chosen) calls.onlyPorts(fd, this.#port);
    else this.#require(calls.bind(fd, occupant.address, this.#port), "bind", fd);
    if (silent) this.#require(calls.connect(fd, target, 9, ipv6), "connect", fd);
    else this.#call(helper, fd, target, ipv6);
    if (calls.localPort(fd) !== this.#port) this.#require(-1, "to be given the port", fd);
    if (silent) {
      const end = this.give(fd, this.#ground.bystanders.second);
      this.#piece(calls.cookie(fd), { occupant, owners: [], bystander: end });
      if (occupant.tidy) this.#played.tidy.push(end);
      return;
    }
    const peer = this.#accept(helper.fd, fd);
    this.#keepHalf(occupant, occupant.ending, fd, peer, occupant.tidy);
  }

  #call(helper: Helper, fd: number, target: string, ipv6: boolean): void {
    const calls = this.#calls;
    // What came too late for another scene.
    for (let late = calls.accept(helper.fd); late >= 0; late = calls.accept(helper.fd)) calls.abandon(late);
    this.#require(calls.connect(fd, target, helper.port, ipv6), "connect", fd);
  }

  /** An outgoing connection from a port that is asked for. */
  connectFrom(
    binding: Binding,
    port: number,
    uid: number,
    target: string,
  ): { readonly mine: number; readonly peer: number } {
    const mine = this.bound(binding, port, uid, "tcp");
    const helper = this.#ground.helpers.at(-1)!;
    this.#call(helper, mine, target, binding.address.includes(":"));
    return { mine, peer: this.#accept(helper.fd, mine) };
  }

  /** A bystander holds it, and must survive its loss. */
  #keepHalf(occupant: Of<"accepted" | "client">, ending: Half, mine: number, peer: number, tidy: boolean): void {
    const { calls, bystanders } = this.#ground;
    const cookie = calls.cookie(mine);
    const far = this.give(mine, bystanders.second);
    this.#piece(cookie, { occupant, owners: [], bystander: far });
    // It would close at once what the other side has closed.
    if (tidy && ending !== "close-wait") this.#played.tidy.push(far);
    if (ending === "close-wait") return calls.close(peer);
    if (ending === "fin-wait-2") {
      calls.shutdown(mine);
      calls.acknowledge(peer);
    }
    const near = this.give(peer, bystanders.first);
    if (ending === "open")
      this.#played.connections.push({ near, far, portCookie: cookie, what: `the ${occupant.kind} connection` });
  }

  #connectionOfNobody(binding: Binding): { readonly mine: number; readonly peer: number } {
    const listener = this.listening(binding, this.#port, ROOT);
    try {
      return this.connected(listener, reachedBy(binding), this.#port);
    } finally {
      this.#calls.close(listener);
    }
  }

  bound(binding: Binding, port: number, uid: number, protocol: "tcp" | "udp"): number {
    const calls = this.#calls;
    return calls.as(uid, () => {
      const fd = calls.open(protocol, binding.address, binding);
      this.#require(calls.bind(fd, binding.address, port), "bind", fd);
      return fd;
    });
  }

  listening(binding: Binding, port: number, uid: number): number {
    const fd = this.bound(binding, port, uid, "tcp");
    this.#require(this.#calls.listen(fd), "listen", fd);
    return fd;
  }

  /** A connection to a listener of this program. */
  connected(listener: number, target: string, port: number): { readonly mine: number; readonly peer: number } {
    const peer = this.#connect(target, port);
    return { mine: this.#accept(listener, peer), peer };
  }

  #connect(target: string, port: number): number {
    const calls = this.#calls;
    const fd = calls.open("tcp", target, PLAIN);
    calls.onlyPorts(fd, OTHERS.first, OTHERS.last);
    this.#require(calls.connect(fd, target, port, target.includes(":")), "connect", fd);
    return fd;
  }

  #accept(listener: number, peer: number): number {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline;) {
      const fd = this.#calls.accept(listener);
      if (fd >= 0) return fd;
    }
    this.#calls.abandon(peer);
    throw new Missed("its connection went to another");
  }

  give(fd: number, by: Bystander): End {
    const end = { by, fd };
    this.#played.given.push(end);
    return end;
  }

  #piece(cookie: string, piece: Piece): void {
    this.#played.pieces.set(cookie, piece);
  }

  #require(result: number, call: string, fd: number): void {
    if (result >= 0) return;
    this.#calls.close(fd);
    throw new Missed(`${call}: ${result}`);
  }
}

/** By which address of this machine a listener is reached; of an outgoing connection, where it goes. */
function reachedBy({ address, v6only }: Binding): string {
  if (address === "::") return v6only ? "::1" : "127.0.0.1";
  return address === "0.0.0.0" ? "127.0.0.1" : address;
}
