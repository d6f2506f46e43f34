/**
 * What bind() will answer, and the listen() that follows: a pure function of who has the port. docs/kernel/bind.md has the rules and how they
 * were measured; test/kernel/bind-agreement.test.ts compares this with the kernel.
 */
import type { BindQuestion, BindSettings, BindSnapshot, PortHolder } from "../tcp/bind-snapshot.ts";
import type { Protocol } from "../tcp/socket.ts";
import { addressesOverlap } from "./address-overlap.ts";
import type { HeldSide, NewSide } from "./bind-rules.ts";
import {
  heldSide,
  inConflict,
  mayHavePassed,
  newSide,
  onOtherDevice,
  shareByReuseAddr,
  shareByReusePort,
} from "./bind-rules.ts";
import type { KernelQuirks } from "./kernel-quirks.ts";
import { quirksOf } from "./kernel-quirks.ts";
import { predictPrecondition } from "./preconditions.ts";

/** What a bind will answer, and the listen() right after it: "ok", an errno's name, or "unknown" where it hangs on what cannot be seen. */
export interface Prediction {
  readonly bind: string;
  /** Left out for UDP, and where the bind fails. */
  readonly listen?: string;
}

/** By the rules alone, whatever real binds have said. */
export function predictBind(snapshot: BindSnapshot, question: BindQuestion = snapshot.question): Prediction {
  const { holders, settings } = snapshot;
  const port = preparePort(holders, question.protocol, settings.kernelRelease);
  return predictOn(port, settings, question);
}

/** The same for a port that was read before. */
export function predictOn(port: PreparedPort, settings: BindSettings, question: BindQuestion): Prediction {
  const bind = predictPrecondition({ question, settings }) ?? predictConflict(port, question);
  const listen = predictListen(question, bind);
  return { bind, ...(listen === undefined ? {} : { listen }) };
}

/**
 * listen() looks for conflicts as bind() did, with the holders as they are then: the state of the new socket plays no part in it, and what
 * SO_REUSEPORT passed before it passes again. So right after a bind that worked it works; somebody has to listen in between to make it fail.
 */
export function predictListen({ protocol }: Pick<BindQuestion, "protocol">, bind: string): string | undefined {
  return protocol === "tcp" && (bind === "ok" || bind === "unknown") ? bind : undefined;
}

/** "unknown": it hangs on something that cannot be seen. */
export type Conflict = "ok" | "EADDRINUSE" | "unknown";

/** Who has a port, read once and asked as often as one likes. */
export interface PreparedPort {
  readonly protocol: Protocol;
  readonly quirks: KernelQuirks;
  /** In the kernel's order within each family, as a dump has them. */
  readonly held: readonly HeldSide[];
}

export function preparePort(holders: readonly PortHolder[], protocol: Protocol, kernelRelease = ""): PreparedPort {
  const held: HeldSide[] = [];
  for (const holder of holders) {
    const side = heldSide(holder, protocol);
    if (side !== undefined) held.push(side);
  }
  return { protocol, quirks: quirksOf(kernelRelease, protocol), held };
}

/**
 * What a bind() comes to as far as the port goes. A TCP listen() looks at the same things again: asked for a socket that is bound already
 * (and left out of the holders), this is what it will answer.
 */
export function predictConflict(port: PreparedPort, question: BindQuestion): Conflict {
  const N = newSide(question);
  return N.udp ? predictUdp(port, N) : predictTcp(port, N);
}

function predictTcp({ held, quirks }: PreparedPort, N: NewSide): Conflict {
  let answer: Conflict = "ok";
  let passable = true;
  for (const O of held) {
    const conflict = inConflict(N, O, quirks);
    if (conflict === true) {
      if (!N.reusePort) return "EADDRINUSE";
      answer = "EADDRINUSE";
      passable &&= mayHavePassed(N, O);
    } else if (conflict === undefined && answer === "ok") answer = "unknown";
  }
  return answer === "EADDRINUSE" && passable ? "unknown" : answer;
}

/** With more sockets than this in a slot of the first table, a second one is used, where only those of the same address and the wildcards are found. */
const LONG_SLOT = 10;

/**
 * UDP looks at its sockets one after the other. The first one that overlaps and does not share by SO_REUSEADDR decides: shared by
 * SO_REUSEPORT, the bind is allowed, whoever else there is (udp_lib_lport_inuse).
 */
function predictUdp(port: PreparedPort, N: NewSide): Conflict {
  const { mayAllow, mayRefuse } = walkUdp(port, N);
  return mayAllow && mayRefuse ? "unknown" : mayRefuse ? "EADDRINUSE" : "ok";
}

interface UdpWalk {
  readonly mayAllow: boolean;
  readonly mayRefuse: boolean;
  readonly refusing: readonly HeldSide[];
  readonly perhaps: readonly HeldSide[];
}

/** The families are listed one after the other: which of their first ones comes first is not known, so either may decide. */
function walkUdp({ held, quirks }: PreparedPort, N: NewSide, long = held.length > LONG_SLOT): UdpWalk {
  const four = newChain();
  const six = newChain();
  for (const O of held) {
    const chain = O.ipv6 ? six : four;
    // A long slot is not walked in the order of the dump: each socket may be the first.
    if ((chain.allowed && !long) || onOtherDevice(N, O)) continue;
    const meets = addressesOverlap(N.address, O.address, quirks);
    const shares = meets === false ? true : shareByReuseAddr(N, O);
    if (shares === true) continue;
    const sure = meets === true && shares === false && (!long || isLookedAt(N, O));
    const allowed = shareByReusePort(N, O);
    if (allowed !== true) (sure && allowed === false ? chain.refusing : chain.perhaps).push(O);
    if (sure && allowed === true) chain.allowed = true;
    if (chain.decided && !long) continue;
    if (allowed !== false) chain.mayAllow = true;
    if (allowed !== true) chain.mayRefuse = true;
    if (sure) chain.decided = true;
  }
  // Where one family has a socket that allows the bind, those of the other may never be come to.
  const certain = (one: UdpChain, other: UdpChain): boolean => !other.allowed && !(long && one.allowed);
  return {
    mayAllow: four.mayAllow || six.mayAllow || (!four.decided && !six.decided),
    mayRefuse: four.mayRefuse || six.mayRefuse,
    refusing: [...(certain(four, six) ? four.refusing : []), ...(certain(six, four) ? six.refusing : [])],
    perhaps: [
      ...(certain(four, six) ? four.perhaps : [...four.refusing, ...four.perhaps]),
      ...(certain(six, four) ? six.perhaps : [...six.refusing, ...six.perhaps]),
    ],
  };
}

interface UdpChain {
  mayAllow: boolean;
  mayRefuse: boolean;
  /** One has been come to that is sure to decide; one that is sure to allow. */
  decided: boolean;
  allowed: boolean;
  readonly refusing: HeldSide[];
  readonly perhaps: HeldSide[];
}

function newChain(): UdpChain {
  return { mayAllow: false, mayRefuse: false, decided: false, allowed: false, refusing: [], perhaps: [] };
}

/** The second table is by address: that of N, and the wildcards. Another one is found there only if its hash is the same by chance. */
function isLookedAt(N: NewSide, O: HeldSide): boolean {
  const wild = O.address.kind === "any6" || O.address.kind === "any4";
  if (wild || O.address.kind !== N.address.kind) return wild;
  return "address" in O.address && "address" in N.address && O.address.address === N.address.address;
}

/** The holders that are in the way: take all of them away, and the bind works; leave one, and it does not. */
export function findConflicts(
  port: PreparedPort,
  question: BindQuestion,
): { readonly sure: readonly PortHolder[]; readonly perhaps: readonly PortHolder[] } {
  const N = newSide(question);
  const holders = (sides: readonly HeldSide[]): PortHolder[] => sides.map(({ holder }) => holder);
  if (N.udp) {
    const first = walkUdp(port, N);
    // Without these the slot can be a short one, where others are looked at as well.
    const short = port.held.length - first.refusing.length <= LONG_SLOT;
    const { refusing, perhaps } = short ? walkUdp(port, N, false) : first;
    return { sure: holders(refusing), perhaps: holders(perhaps) };
  }
  const sure: HeldSide[] = [];
  const perhaps: HeldSide[] = [];
  for (const O of port.held) {
    const conflict = inConflict(N, O, port.quirks);
    if (conflict === true) sure.push(O);
    else if (conflict === undefined) perhaps.push(O);
  }
  return { sure: holders(sure), perhaps: holders(perhaps) };
}
