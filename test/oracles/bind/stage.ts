/** Plays a scenario with real sockets on one port, and knows of each what no dump shows. */
import type { Calls } from "./calls.ts";
import type { OwnerPlan, Scenario } from "./scenario.ts";
import { SILENT4, SILENT6 } from "./scenario.ts";
import { FIRST_PORT, OTHERS } from "./scene.ts";

/** What nobody can see from outside. */
export interface Hidden {
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly v6only: boolean;
}

export interface Told {
  readonly owner: number;
  readonly text: string;
}

const DEADLINE_MS = 1000;

export class Stage {
  /** By cookie. */
  readonly hidden = new Map<string, Hidden>();
  /** Of connections that nobody accepted, by the port of their other end: their cookie is known from a dump only. */
  readonly hiddenByPeer = new Map<number, Hidden>();
  /** The descriptors of this port by cookie, so that a holder can be taken away. */
  readonly fds = new Map<string, number>();
  readonly told: Told[] = [];
  readonly #calls: Calls;
  readonly #helper: { readonly fd: number; readonly port: number };
  readonly #port: number;
  readonly #late: (() => void)[] = [];
  readonly #peers: number[] = [];
  readonly #listeners: { readonly fd: number; readonly hidden: Hidden }[] = [];

  constructor(calls: Calls, helper: { readonly fd: number; readonly port: number }, port: number) {
    this.#calls = calls;
    this.#helper = helper;
    this.#port = port;
  }

  play({ protocol, owners, lateBetween }: Scenario): void {
    const late = this.#late;
    for (const [index, plan] of owners.entries()) {
      const problem = protocol === "tcp" ? this.#playTcp(plan, index, late) : this.#playUdp(plan);
      if (problem !== undefined) this.told.push({ owner: index, text: problem });
    }
    if (!lateBetween) this.listenLate();
  }

  /** Whoever was to listen late listens now. False: nobody was. */
  listenLate(): boolean {
    const late = this.#late.splice(0);
    for (const listen of late) listen();
    return late.length > 0;
  }

  close(): void {
    for (const fd of this.fds.values()) this.#calls.close(fd);
    for (const fd of this.#peers) this.#calls.close(fd);
    this.fds.clear();
    this.#peers.length = 0;
  }

  /** Undefined when all went as planned; else what did not. The sockets that came of it stay. */
  #playTcp(plan: OwnerPlan, index: number, late: (() => void)[]): string | undefined {
    const calls = this.#calls;
    if (plan.role === "auto-client") return this.#client(plan, undefined);
    const fd = this.#open("tcp", plan);
    const bound = calls.as(plan.uid, () => calls.bind(fd, plan.address, this.#port));
    if (bound < 0) {
      calls.close(fd);
      return `bind: ${bound}`;
    }
    if (plan.role === "client") return this.#client(plan, fd);
    this.#keep(fd, plan);
    if (plan.role === "bound") return undefined;
    if (plan.role === "listening" && plan.late) {
      late.push(() => {
        const listening = calls.listen(fd);
        if (listening < 0) this.told.push({ owner: index, text: `late listen: ${listening}` });
      });
      return undefined;
    }
    const listening = calls.listen(fd);
    if (listening < 0) return `listen: ${listening}`;
    this.#listeners.push({ fd, hidden: hiddenOf(plan) });
    if (plan.role !== "server") return undefined;
    return canBeReached(plan) ? this.#server(plan, fd) : "nothing reaches it on that device";
  }

  #server(plan: OwnerPlan, listener: number): string | undefined {
    const calls = this.#calls;
    const peer = calls.open("tcp", plan.target, { v6only: false, reuseAddr: false, reusePort: false });
    this.#peers.push(peer);
    calls.onlyPorts(peer, OTHERS.first, OTHERS.last);
    const connected = calls.connect(peer, plan.target, this.#port, plan.target.includes(":"));
    if (connected < 0) return `connect: ${connected}`;
    if (plan.ending === "unaccepted") {
      // With several listeners, nobody knows whose it is.
      if (this.#listeners.length === 1) this.hiddenByPeer.set(calls.localPort(peer), hiddenOf(plan));
      return undefined;
    }
    const child = this.#accept(plan, listener);
    if (child === undefined) return "nothing to accept";
    if (plan.listenerGone) this.#release(listener);
    this.#end(plan, child, peer);
    return undefined;
  }

  /** From whichever listener of the port got it. */
  #accept(plan: OwnerPlan, listener: number): number | undefined {
    const own = { fd: listener, hidden: hiddenOf(plan) };
    const others = this.#listeners.filter(({ fd }) => fd !== listener && [...this.fds.values()].includes(fd));
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline;)
      for (const { fd, hidden } of [own, ...others]) {
        const child = this.#calls.as(plan.acceptedBy, () => this.#calls.accept(fd));
        if (child < 0) continue;
        this.#keepAs(child, hidden);
        return child;
      }
    return undefined;
  }

  #client(plan: OwnerPlan, boundFd: number | undefined): string | undefined {
    const calls = this.#calls;
    const fd = boundFd ?? this.#open("tcp", plan);
    const ipv6 = plan.address.includes(":");
    const concrete6 = boundFd !== undefined && plan.address !== "::" && ipv6 && !plan.address.startsWith("::ffff:");
    this.#keepAs(fd, { ...hiddenOf(plan), v6only: ipv6 && (plan.v6only || concrete6) });
    if (boundFd === undefined && !this.#chosenHere(fd)) return "the kernel cannot be made to choose this port";
    if (plan.ending === "syn-sent") {
      const result = calls.connect(fd, plan.target.includes(":") ? SILENT6 : SILENT4, 9, ipv6);
      if (result === 0) this.#requirePort(fd);
      return result < 0 ? `connect: ${result}` : undefined;
    }
    const connected = calls.as(plan.uid, () => calls.connect(fd, plan.target, this.#helper.port, ipv6));
    if (connected < 0) return `connect: ${connected}`;
    this.#requirePort(fd);
    if (!canBeReached(plan)) return "nothing answers on that device";
    const peer = this.#acceptPeer();
    if (peer === undefined) return "the other end was not accepted";
    this.#end(plan, fd, peer);
    return undefined;
  }

  /** The helper's listener has the other end of this scenario's connections, and of no other's: each is taken at once. */
  #acceptPeer(): number | undefined {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline;) {
      const peer = this.#calls.accept(this.#helper.fd);
      if (peer < 0) continue;
      this.#peers.push(peer);
      return peer;
    }
    return undefined;
  }

  #end(plan: OwnerPlan, mine: number, peer: number): void {
    const calls = this.#calls;
    switch (plan.ending) {
      case "time-wait":
        this.#release(mine);
        this.#releasePeer(peer);
        return;
      case "close-wait":
        return this.#releasePeer(peer);
      case "fin-wait-2":
        calls.shutdown(mine);
        return calls.acknowledge(peer);
      case "fin-wait-2-orphan":
        this.#release(mine);
        return calls.acknowledge(peer);
      case "fin-wait-1-orphan":
        calls.fill(mine, peer);
        return this.#release(mine);
      case "last-ack-orphan":
        calls.fill(mine, peer);
        calls.shutdown(peer);
        return this.#release(mine);
      case "closing-orphan":
        calls.fill(mine, peer);
        this.#release(mine);
        return calls.shutdown(peer);
      default:
        return;
    }
  }

  #playUdp(plan: OwnerPlan): string | undefined {
    const calls = this.#calls;
    const fd = this.#open("udp", plan);
    const ipv6 = plan.address.includes(":");
    // connect() alone leaves V6ONLY as it was.
    if (plan.role === "auto-client") this.#keepAs(fd, { ...hiddenOf(plan), v6only: ipv6 && plan.v6only });
    else this.#keep(fd, plan);
    if (plan.role === "auto-client") {
      if (!this.#chosenHere(fd)) return "the kernel cannot be made to choose this port";
    } else {
      const bound = calls.as(plan.uid, () => calls.bind(fd, plan.address, this.#port));
      if (bound < 0) {
        this.#release(fd);
        return `bind: ${bound}`;
      }
    }
    if (plan.role === "bound") return undefined;
    const connected = calls.as(plan.uid, () => calls.connect(fd, plan.target, this.#helper.port, ipv6));
    if (connected < 0) return `connect: ${connected}`;
    this.#requirePort(fd);
    if (plan.ending === "disconnected") calls.disconnect(fd);
    return undefined;
  }

  /** A privileged port is in no range. */
  #chosenHere(fd: number): boolean {
    return this.#port >= FIRST_PORT && this.#calls.onlyPorts(fd, this.#port) === 0;
  }

  /** A client with another port is nobody's holder, and a scene of such clients proves nothing. */
  #requirePort(fd: number): void {
    const port = this.#calls.localPort(fd);
    if (port !== this.#port) throw new Error(`a client was given port ${port}, not ${this.#port}`);
  }

  #open(protocol: "tcp" | "udp", plan: OwnerPlan): number {
    return this.#calls.as(plan.uid, () => this.#calls.open(protocol, plan.address, plan));
  }

  #keep(fd: number, plan: OwnerPlan): void {
    this.#keepAs(fd, hiddenOf(plan));
  }

  #keepAs(fd: number, hidden: Hidden): void {
    const cookie = this.#calls.cookie(fd);
    this.hidden.set(cookie, hidden);
    this.fds.set(cookie, fd);
  }

  #release(fd: number): void {
    for (const [cookie, each] of this.fds) if (each === fd) this.fds.delete(cookie);
    this.#calls.close(fd);
  }

  #releasePeer(fd: number): void {
    this.#peers.splice(this.#peers.indexOf(fd), 1);
    this.#calls.close(fd);
  }
}

/** Of a socket that is bound to a device, only the addresses of that device. */
function canBeReached({ device, target }: OwnerPlan): boolean {
  if (device === undefined) return true;
  const loopback = target.startsWith("127.") || target === "::1";
  return loopback === (device === "lo");
}

/** A bind to one IPv6 address turns V6ONLY on (__inet6_bind). */
function hiddenOf({ address, v6only, reuseAddr, reusePort }: OwnerPlan): Hidden {
  const concrete6 = address.includes(":") && address !== "::" && !address.startsWith("::ffff:");
  return { reuseAddr, reusePort, v6only: address.includes(":") && (v6only || concrete6) };
}
