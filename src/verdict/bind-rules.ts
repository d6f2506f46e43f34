/**
 * The kernel's rules for a bind to an explicit port, as pure functions (inet_csk_get_port, inet_bind_conflict, inet_rcv_saddr_equal and
 * the bhash2 helpers of net/ipv4/inet_connection_sock.c; udp_lib_lport_inuse of net/ipv4/udp.c). docs/kernel/bind.md has the table and
 * the experiments behind it.
 *
 * A new socket N is blocked by a holder O of the same port exactly when their addresses overlap and they are not compatible.
 */
import type { Protocol } from "../tcp/socket.ts";
import type { SocketState } from "../tcp/states.ts";
import type { BindQuestion, PortHolder } from "../tcp/bind-snapshot.ts";

/** How an address takes part in conflicts. */
export type AddressClass =
  /** Undefined where it is not told: /proc/net does not say it. */
  | { readonly kind: "any6"; readonly v6only: Tri }
  | { readonly kind: "any4"; readonly mapped: boolean }
  | { readonly kind: "ipv4"; readonly address: string }
  | { readonly kind: "ipv6"; readonly address: string; readonly v6only: boolean };

const MAPPED = "::ffff:";

export function classifyAddress(address: string, v6only: Tri): AddressClass {
  if (address === "::") return { kind: "any6", v6only };
  if (address === "0.0.0.0") return { kind: "any4", mapped: false };
  if (!address.includes(":")) return { kind: "ipv4", address };
  const tail = address.slice(MAPPED.length);
  if (address.toLowerCase().startsWith(MAPPED) && tail.includes(".")) {
    return tail === "0.0.0.0" ? { kind: "any4", mapped: true } : { kind: "ipv4", address: tail };
  }
  return { kind: "ipv6", address: address.replace(/%.*$/s, ""), v6only: v6only ?? false };
}

/** Do the two addresses cover a common one, in the kernel's eyes? `N` is the new socket: one cell of the table is not symmetric. */
export function addressesOverlap(N: AddressClass, O: AddressClass): Tri {
  switch (N.kind) {
    case "any6":
      if (!N.v6only) return true;
      return O.kind === "any6" || O.kind === "ipv6";
    case "any4":
      switch (O.kind) {
        case "any6":
          return not(O.v6only);
        case "any4":
        case "ipv4":
          return true;
        case "ipv6":
          // The surprise: an AF_INET wildcard meets IPv6 sockets that are not V6ONLY (children of a dual-stack listener, IPv6 clients).
          return !N.mapped && !O.v6only;
      }
      break;
    case "ipv4":
      switch (O.kind) {
        case "any6":
          return not(O.v6only);
        case "any4":
          return true;
        case "ipv4":
          return O.address === N.address;
        case "ipv6":
          return false;
      }
      break;
    case "ipv6":
      return O.kind === "any6" || (O.kind === "ipv6" && O.address === N.address);
  }
}

/** True, false, or undefined where it hangs on an option of the holder that is not known. */
export type Tri = boolean | undefined;

function not(a: Tri): Tri {
  return a === undefined ? undefined : !a;
}

function both(a: Tri, b: Tri): Tri {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

function either(a: Tri, b: Tri): Tri {
  if (a === true || b === true) return true;
  return a === undefined || b === undefined ? undefined : false;
}

/** Can the new socket share the port with this holder although their addresses overlap? */
export function compatible(question: BindQuestion, holder: PortHolder): Tri {
  const theirs = holder.socket.local.interface;
  // A link-local address binds its socket to the device of its scope.
  const mine = question.device ?? question.address.split("%")[1];
  if (mine !== undefined && theirs !== undefined && mine !== theirs) return true;
  const reuse = both(question.reuseAddr, holder.reuseAddr);
  const reuseAllowed = question.protocol === "udp" ? reuse : both(reuse, holder.socket.state !== "LISTEN");
  return either(reuseAllowed, both(both(question.reusePort, holder.reusePort), sameUser(question, holder)));
}

/** SO_REUSEPORT shares among one user's sockets only; a TIME-WAIT has no user any more and is let through. */
function sameUser(question: BindQuestion, holder: PortHolder): Tri {
  if (holder.socket.state === "TIME-WAIT") return true;
  if (question.uid === undefined || holder.socket.uid === undefined) return undefined;
  return question.uid === holder.socket.uid;
}

/** Is the new socket blocked by this holder? undefined: it hangs on an option that is not known. */
export function blockedBy(question: BindQuestion, holder: PortHolder): Tri {
  if (!holdsPort(question.protocol, holder.socket.state)) return false;
  const mine = classifyAddress(question.address, question.v6only);
  return both(addressesOverlap(mine, holderAddress(holder)), not(compatible(question, holder)));
}

/** A request socket (SYN-RECEIVED without an inode) is in no bind bucket. */
function holdsPort(protocol: Protocol, state: SocketState): boolean {
  return protocol === "udp" || (state !== "SYN-RECEIVED" && state !== "CLOSED");
}

/**
 * The holder's address class. V6ONLY is told for LISTEN and BOUND only; a bind to a specific IPv6 address forces it on (__inet6_bind),
 * and connections keep the 0 of their dual-stack listener or of the default.
 */
export function holderAddress(holder: PortHolder): AddressClass {
  const { state, local, v6only } = holder.socket;
  if (v6only !== undefined) return classifyAddress(local.address, v6only);
  const firm = state === "LISTEN" || state === "BOUND";
  return classifyAddress(local.address, firm ? (local.address === "::" ? undefined : true) : false);
}
