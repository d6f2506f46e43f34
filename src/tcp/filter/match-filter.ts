/**
 * Does a socket match a filter? The same answer as the kernel's (inet_diag_bc_run) for every condition that the kernel knows. The filter
 * becomes one closure, because it is asked for each of a hundred thousand sockets.
 *
 * What a socket does not say counts as the kernel counts it: no other end is `0.0.0.0` or `::` port 0, no device is none, no mark is 0,
 * no cgroup is in none. A socket without known owners has no `pid`, `command` or `user` (so `not pid = 1` matches it).
 */
import { formatIp, isInPrefix, isMapped, parseIpv4, parseIpv6 } from "../ip-address.ts";
import type { Owner, Socket } from "../socket.ts";
import { maskHas } from "../states.ts";
import type { Filter, Term } from "./filter.ts";
import { normalForm, type NormalForm } from "./literals.ts";

export type Matcher = (socket: Socket) => boolean;

/** What a filter can ask for and a socket does not carry. */
export interface MatchContext {
  /**
   * Was the port chosen by the kernel? Only a dump filtered by the kernel knows. While it is unknown, neither `autobound` nor
   * `not autobound` rules a socket out: right where the kernel has applied the condition, too many where it could not.
   */
  readonly autobound?: (socket: Socket) => boolean | undefined;
  /** For `dev = 3`. */
  readonly interfaceIndex?: (name: string) => number | undefined;
  /** For sockets that carry a cgroup's id and no path. */
  readonly cgroupId?: (path: string) => number | undefined;
}

export function matchesFilter(filter: Filter, socket: Socket, context: MatchContext = {}): boolean {
  return createMatcher(filter, context)(socket);
}

export function createMatcher(filter: Filter, context: MatchContext = {}): Matcher {
  return matcherOf(normalForm(filter), context);
}

function matcherOf(form: NormalForm, context: MatchContext): Matcher {
  if (form.kind === "literal") {
    const { term, negated } = form;
    if (term.kind === "autobound") return (socket) => (context.autobound?.(socket) ?? !negated) !== negated;
    const matches = termMatcher(term, context);
    return negated ? (socket) => !matches(socket) : matches;
  }
  const parts = form.of.map((part) => matcherOf(part, context));
  const [first, second] = parts;
  if (parts.length === 2 && first !== undefined && second !== undefined) {
    return form.kind === "and"
      ? (socket) => first(socket) && second(socket)
      : (socket) => first(socket) || second(socket);
  }
  return form.kind === "and"
    ? (socket) => parts.every((part) => part(socket))
    : (socket) => parts.some((part) => part(socket));
}

function termMatcher(term: Exclude<Term, { kind: "autobound" }>, context: MatchContext): Matcher {
  switch (term.kind) {
    case "all":
      return () => true;
    case "states":
      return (socket) => maskHas(term.mask, socket.state);
    case "family":
      return (socket) => socket.family === term.family;
    case "host":
      return hostMatcher(term);
    case "port": {
      const { from, to } = term;
      if (term.side === "local") return (socket) => socket.local.port >= from && socket.local.port <= to;
      return (socket) => {
        const port = socket.remote?.port ?? 0;
        return port >= from && port <= to;
      };
    }
    case "device":
      return deviceMatcher(term.device, context);
    case "mark": {
      const { value, mask } = term;
      return (socket) => ((socket.mark ?? 0) & mask) >>> 0 === value;
    }
    case "cgroup":
      return cgroupMatcher(term.path, context);
    case "uid":
      return (socket) => socket.uid === term.uid;
    case "pid":
      return ownerMatcher((owner) => owner.pid === term.pid);
    case "command":
      return commandMatcher(term.command);
    case "user": {
      const uid = /^\d+$/.test(term.user) ? Number(term.user) : undefined;
      return ownerMatcher((owner) => owner.user === term.user || (uid !== undefined && owner.uid === uid));
    }
  }
}

/** Sockets carry canonical text, so a full-length address is compared as text; a prefix is compared in bytes, with the last answer kept. */
function hostMatcher(term: Extract<Term, { kind: "host" }>): Matcher {
  const { side, address, prefixLength } = term;
  const wanted = address.includes(":") ? parseIpv6(address) : parseIpv4(address);
  if (wanted === undefined) throw new RangeError(`not an address in canonical text: ${address}`);
  const ipv4 = wanted.length === 4;
  const text = formatIp(wanted);
  const mapped = `::ffff:${text}`;
  const local = side === "local";
  if (prefixLength === wanted.length * 8) {
    return (socket) => {
      const found = local ? socket.local.address : (socket.remote?.address ?? noAddress(socket));
      if (socket.family === "ipv4") return ipv4 && found === text;
      return found === (ipv4 ? mapped : text);
    };
  }
  let lastAddress = "";
  let lastAnswer = false;
  return (socket) => {
    if (!ipv4 && socket.family === "ipv4") return false;
    const found = local ? socket.local.address : (socket.remote?.address ?? noAddress(socket));
    if (found !== lastAddress) {
      lastAddress = found;
      lastAnswer = inNetwork(found, wanted, prefixLength);
    }
    return lastAnswer;
  };
}

function inNetwork(address: string, network: Uint8Array, prefixLength: number): boolean {
  const bytes = address.includes(":") ? parseIpv6(address) : parseIpv4(address);
  if (bytes === undefined) return false;
  const alike = network.length === 4 && isMapped(bytes) ? bytes.subarray(12) : bytes;
  return isInPrefix(alike, network, prefixLength);
}

function noAddress(socket: Socket): string {
  return socket.family === "ipv4" ? "0.0.0.0" : "::";
}

function deviceMatcher(device: string, context: MatchContext): Matcher {
  if (device === "0") return (socket) => socket.local.interface === undefined;
  const index = /^\d+$/.test(device) ? Number(device) : undefined;
  return (socket) => {
    const name = socket.local.interface;
    if (name === undefined) return false;
    return name === device || (index !== undefined && context.interfaceIndex?.(name) === index);
  };
}

function cgroupMatcher(path: string, context: MatchContext): Matcher {
  const id = context.cgroupId?.(path);
  return (socket) =>
    socket.cgroup === undefined ? id !== undefined && socket.cgroupId === id : socket.cgroup === path;
}

/** The kernel keeps 15 bytes of a command's name (TASK_COMM_LEN); a longer word is compared with its beginning. */
function commandMatcher(command: string): Matcher {
  const kept = new TextEncoder().encode(command);
  const cut = kept.length > 15 ? new TextDecoder().decode(kept.subarray(0, 15)) : command;
  return ownerMatcher((owner) => owner.command === command || owner.command === cut);
}

function ownerMatcher(matches: (owner: Owner) => boolean): Matcher {
  return (socket) => socket.owners?.some(matches) ?? false;
}
