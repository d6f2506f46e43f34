/**
 * The kernel's rule of conflicts for a bind to an explicit port, between the new socket and one that has the port, as pure functions
 * (inet_csk_get_port and inet_bind_conflict of net/ipv4/inet_connection_sock.c; udp_lib_lport_inuse of net/ipv4/udp.c). docs/kernel/bind.md
 * has the table and the experiments behind it.
 *
 * A new socket N is in conflict with a holder O of the same port exactly when their addresses overlap and they are not compatible.
 */
import type { BindQuestion, PortHolder } from "../tcp/bind-snapshot.ts";
import type { Protocol, Socket } from "../tcp/socket.ts";
import { classifyAddress } from "./address-class.ts";
import type { AddressClass } from "./address-class.ts";
import { addressesOverlap } from "./address-overlap.ts";
import { both, either, not } from "./tri.ts";
import type { Tri } from "./tri.ts";
import type { KernelQuirks } from "./kernel-quirks.ts";
import { quirksOf } from "./kernel-quirks.ts";

/** The new socket, as far as conflicts go. */
export interface NewSide {
  readonly udp: boolean;
  readonly address: AddressClass;
  readonly device: string | undefined;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  readonly uid: number | undefined;
}

/** One that has the port: read from its holder once, judged against as many binds as there are. */
export class HeldSide {
  readonly holder: PortHolder;
  readonly device: string | undefined;
  readonly reuseAddr: Tri;
  readonly reusePort: Tri;
  readonly uid: number | undefined;
  readonly phase: "listen" | "bound" | "connected" | "time-wait";
  readonly ipv6: boolean;
  #address: AddressClass | undefined;

  constructor(holder: PortHolder) {
    const { socket } = holder;
    this.holder = holder;
    this.device = socket.local.interface;
    this.reuseAddr = holder.reuseAddr;
    this.reusePort = holder.reusePort;
    this.uid = socket.uid ?? (isOrphan(socket) ? ROOT : undefined);
    this.phase = phaseOf(socket);
    this.ipv6 = socket.family === "ipv6";
    this.#address = undefined;
  }

  /** Told when it is asked for: of most holders the options say enough. */
  get address(): AddressClass {
    return (this.#address ??= holderAddress(this.holder));
  }
}

export function newSide(question: BindQuestion): NewSide {
  return {
    udp: question.protocol === "udp",
    address: classifyAddress(question.address, question.v6only),
    // A link-local address binds its socket to the device of its scope.
    device: question.device ?? scopeOf(question.address),
    reuseAddr: question.reuseAddr,
    reusePort: question.reusePort,
    uid: question.uid,
  };
}

function scopeOf(address: string): string | undefined {
  const at = address.indexOf("%");
  return at < 0 ? undefined : address.slice(at + 1);
}

/** Undefined: it is in no bind bucket. A request socket (SYN-RECEIVED without an inode) is not, nor one that gave its port back. */
export function heldSide(holder: PortHolder, protocol: Protocol): HeldSide | undefined {
  const { state } = holder.socket;
  if (protocol === "tcp" && (state === "SYN-RECEIVED" || state === "CLOSED")) return undefined;
  return new HeldSide(holder);
}

const ROOT = 0;

/**
 * A dump's "no inode, user 0" is left out of the vocabulary, since it need not mean root. The kernel compares that 0 all the same
 * (sock_i_uid() of a socket without a file, until 6.12). Only sock_diag tells a cookie, and only its user is the kernel's.
 */
function isOrphan({ protocol, state, inode, cookie }: Socket): boolean {
  return protocol === "tcp" && inode === undefined && cookie !== undefined && state !== "TIME-WAIT";
}

function phaseOf({ state, inode, timer }: Socket): HeldSide["phase"] {
  switch (state) {
    case "LISTEN":
      return "listen";
    case "BOUND":
      return "bound";
    case "TIME-WAIT":
      return "time-wait";
    case "FIN-WAIT-2":
      // Without its program it waits as one of TIME-WAIT's small sockets, and the kernel takes it for one (inet_twsk_alloc).
      return inode === undefined && timer?.kind === "time-wait" ? "time-wait" : "connected";
    default:
      return "connected";
  }
}

/**
 * The holder's address class. V6ONLY is told for LISTEN and BOUND; a bind to one IPv6 address forces it on (__inet6_bind). Of a connection
 * it is not told: those of a dual-stack listener and most clients have it off.
 */
export function holderAddress({ socket, v6only: asked }: PortHolder): AddressClass {
  const { state, local } = socket;
  const v6only = socket.v6only ?? asked;
  if (v6only !== undefined) return classifyAddress(local.address, v6only);
  const forced = (state === "LISTEN" || state === "BOUND") && local.address !== "::";
  return classifyAddress(local.address, forced ? true : undefined);
}

/** May both have the port although their addresses overlap, because each is bound to a device of its own? */
export function onOtherDevice(N: NewSide, O: HeldSide): boolean {
  return N.device !== undefined && O.device !== undefined && N.device !== O.device;
}

/** Both have SO_REUSEADDR, and O is not in LISTEN. UDP has no LISTEN: there both flags are enough. */
export function shareByReuseAddr(N: NewSide, O: HeldSide): Tri {
  if (O.phase === "listen" && !N.udp) return false;
  return N.reuseAddr ? O.reuseAddr : false;
}

/** Both have SO_REUSEPORT and one user; a TIME-WAIT has no user any more and is let through. */
export function shareByReusePort(N: NewSide, O: HeldSide): Tri {
  if (!N.reusePort) return false;
  const sameUser =
    O.phase === "time-wait" ? true : N.uid === undefined || O.uid === undefined ? undefined : N.uid === O.uid;
  return both(O.reusePort, sameUser);
}

/** Is there a conflict between the two? undefined: it hangs on something that is not known. */
export function inConflict(N: NewSide, O: HeldSide, quirks: KernelQuirks): Tri {
  // The cheapest answers first.
  const shared = shareByReuseAddr(N, O);
  if (shared === true || onOtherDevice(N, O)) return false;
  const overlap = addressesOverlap(N.address, O.address, quirks);
  if (overlap === false) return false;
  const conflict = both(overlap, not(either(shared, shareByReusePort(N, O))));
  return conflict === true && quirks.forgetsTimeWait && O.phase === "time-wait" && isOneAddress(N.address)
    ? undefined
    : conflict;
}

function isOneAddress(address: AddressClass): boolean {
  return address.kind === "ipv4" || address.kind === "ipv6";
}

/** Is the new socket in conflict with this holder? undefined: it hangs on something that is not known. */
export function blockedBy(question: BindQuestion, holder: PortHolder, kernelRelease = ""): Tri {
  const O = heldSide(holder, question.protocol);
  return O === undefined ? false : inConflict(newSide(question), O, quirksOf(kernelRelease, question.protocol));
}

/**
 * A bucket remembers one SO_REUSEPORT socket, and a bind with SO_REUSEPORT by the same user to an address that this one covers passes
 * without a look at the holders (sk_reuseport_match). The memory cannot be seen, and outlives its socket. Can a socket that covers N have
 * come to be remembered although O was there, which N is in conflict with? O's own bind() or listen() wipes the memory or puts itself there,
 * so it must have come after O, past O, or O is a connection.
 */
export function mayHavePassed(N: NewSide, O: HeldSide): boolean {
  // On another device than O's.
  if (O.device !== undefined) return true;
  // By SO_REUSEADDR, which N lacks.
  if (O.phase !== "listen" && O.reuseAddr !== false) return true;
  // Before O was accepted, by a process of another user.
  if (O.phase === "connected" && O.reusePort !== false) return true;
  return coveredByLess(N.address, O.address);
}

/** "Covers" is not "overlaps as much as": a V6ONLY `::` and 0.0.0.0 each cover a dual-stack `::`, and meet half of what it meets. */
function coveredByLess(N: AddressClass, O: AddressClass): boolean {
  if (N.kind === "any6") return N.v6only !== true && !(O.kind === "any6" && O.v6only === false);
  return N.kind === "any4" && !N.mapped && O.kind === "ipv6";
}
