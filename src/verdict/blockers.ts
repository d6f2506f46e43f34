/** Which of a port's holders stand in the way of a bind, folded into what a person can read. Pure. */
import type { BindQuestion, BindSnapshot, PortHolder } from "../tcp/bind-snapshot.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { Owner } from "../tcp/socket.ts";
import type { Blocker } from "./why.ts";
import { classifyAddress } from "./address-class.ts";
import type { AddressClass } from "./address-class.ts";
import { addressesOverlap } from "./address-overlap.ts";
import { holderAddress } from "./bind-rules.ts";
import { quirksOf } from "./kernel-quirks.ts";
import { foldHolders, isUntraced } from "./fold-holders.ts";
import { findConflicts, preparePort } from "./predict-bind.ts";
import { describe, freeInMs, isServed, ownerlessText, ownersText } from "./holder-rule.ts";

/** The holders that block this bind, the certain ones first. */
export function blockingHolders(snapshot: BindSnapshot, question: BindQuestion, result: string): readonly PortHolder[] {
  const { sure, perhaps } = conflictingHolders(snapshot, question, result);
  return [...sure, ...perhaps];
}

/** Of these the likeliest: if the bind works without them, the others are in nobody's way. */
export function likeliestHolders(
  snapshot: BindSnapshot,
  question: BindQuestion,
  result: string,
): readonly PortHolder[] {
  const { sure, perhaps } = conflictingHolders(snapshot, question, result);
  if (sure.length > 0) return sure;
  // Whether it is V6ONLY is told of no connection, and one that is leaves IPv4 alone.
  const near = perhaps.filter(({ socket }) => isIpv6(question.address) || !isIpv6(socket.local.address));
  return near.length > 0 ? near : perhaps;
}

function isIpv6(address: string): boolean {
  return address.includes(":") && !address.startsWith("::ffff:");
}

/**
 * Where the rules hang on an option that nobody may see, the kernel's answer decides: it refused, so where no holder is known to block, at
 * least one of those that may do does. Beside a listener they are left out: what a server accepted goes when it goes, and shares its options.
 */
function conflictingHolders(
  snapshot: BindSnapshot,
  question: BindQuestion,
  result: string,
): { readonly sure: readonly PortHolder[]; readonly perhaps: readonly PortHolder[] } {
  if (result === "ok") return { sure: [], perhaps: [] };
  const port = preparePort(snapshot.holders, question.protocol, snapshot.settings.kernelRelease);
  const { sure, perhaps } = findConflicts(port, question);
  return { sure, perhaps: sure.some(({ socket }) => socket.state === "LISTEN") ? [] : perhaps };
}

/** The same holders as the output shows them: alike ones folded, those with the most to say first. */
export function foldBlockers(
  snapshot: BindSnapshot,
  question: BindQuestion,
  holders: readonly PortHolder[],
): Blocker[] {
  const served = isServed(snapshot.holders);
  const groups = foldHolders(holders, served, snapshot.settings);
  return groups
    .map(({ rule, members, someOwners }) => {
      const last = members.reduce((a, b) =>
        (freeInMs(rule, b.socket) ?? 0) > (freeInMs(rule, a.socket) ?? 0) ? b : a,
      );
      // One that does not end by itself keeps the port, whatever the others do.
      const ends = members.every(({ socket }) => freeInMs(rule, socket) !== undefined);
      const remaining = ends ? freeInMs(rule, last.socket) : undefined;
      // Of all is said what can be said of one who was not traced.
      const shown = someOwners === undefined ? last : (members.find(({ socket }) => isUntraced(socket)) ?? last);
      const named = someOwners === undefined ? last : (members.find(({ socket }) => socket.owners?.length) ?? last);
      return {
        rule,
        socket: named.socket,
        count: members.length,
        ...(remaining === undefined ? {} : { freeInMs: remaining }),
        ...optionsOf(shown),
        text: sentence(
          question,
          rule,
          shown,
          members.length,
          snapshot.probed.length > 0 && groups.length === 1,
          someOwners,
        ),
      };
    })
    .sort((a, b) => RANK.indexOf(a.rule) - RANK.indexOf(b.rule) || b.count - a.count);
}

function optionsOf({ reuseAddr, reusePort, optionsBy }: PortHolder): Pick<Blocker, "options"> {
  if (optionsBy === undefined) return {};
  return {
    options: {
      ...(reuseAddr === undefined ? {} : { reuseAddr }),
      ...(reusePort === undefined ? {} : { reusePort }),
      by: optionsBy,
    },
  };
}

const RANK: readonly Blocker["rule"][] = [
  "listener",
  "bound",
  "client",
  "connection",
  "close-wait",
  "fin-wait-2",
  "orphan",
  "time-wait",
  "unaccepted",
];

function sentence(
  question: BindQuestion,
  rule: Blocker["rule"],
  holder: PortHolder,
  count: number,
  alone: boolean,
  someOwners: readonly Owner[] | undefined,
): string {
  const { socket } = holder;
  const owned = socket.owners !== undefined && socket.owners.length > 0 ? ownersText(socket.owners) : undefined;
  const who = someOwners === undefined ? owned : `some of them held by ${ownersText(someOwners)}`;
  const what = describe(rule, socket, count);
  const held = rule === "listener" && count === 1;
  const subject = held ? `${who ?? "a socket"} ${what}` : who === undefined ? what : `${what}: ${who}`;
  const notes = [
    coverage(question, holder),
    ownerNote(holder, who, count),
    reuseNote(question, holder, rule, count, alone),
    reusePortNote(question, holder, count),
  ].filter((note) => note !== undefined);
  return notes.length === 0 ? subject : `${subject}; ${notes.join("; ")}`;
}

function ownerNote({ socket }: PortHolder, who: string | undefined, count: number): string | undefined {
  if (who !== undefined || socket.ownerless === undefined) return undefined;
  return socket.ownerless === "kernel" || socket.ownerless === "unaccepted"
    ? undefined
    : ownerlessText(socket.ownerless, count);
}

/** Why another address than the one asked for is in the way. */
function coverage(question: BindQuestion, holder: PortHolder): string | undefined {
  const address = holder.socket.local.address;
  if (address === question.address) return undefined;
  const mine = classifyAddress(question.address, question.v6only);
  const theirs = holderAddress(holder);
  const here = formatEndpoint({ address, port: question.port });
  const asked = formatEndpoint({ address: question.address, port: question.port });
  if (holder.socket.state !== "LISTEN" && holder.socket.state !== "BOUND") return undefined;
  if (mine.kind === "any6" || mine.kind === "any4") {
    if (theirs.kind !== "any6" && theirs.kind !== "any4") return `${asked} is every address, ${address} included`;
    if (mine.kind === "any6" && mine.v6only !== true) return `${asked} is dual-stack: it takes IPv4 too`;
    return dualStack(here, theirs);
  }
  if (theirs.kind === "any6" && mine.kind === "ipv4") return dualStack(here, theirs);
  if (theirs.kind === "ipv4" || theirs.kind === "ipv6") return `${here} is the same address, written in another way`;
  return `${here} is every address, ${question.address} included`;
}

function dualStack(here: string, theirs: AddressClass): string {
  return theirs.kind === "any6" && theirs.v6only === undefined
    ? `whether ${here} takes IPv4 too cannot be seen here`
    : `${here} is dual-stack: it takes IPv4 too`;
}

/**
 * Whose SO_REUSEADDR is missing, where that is the rule that blocks. `alone`: the kernel refused a real bind, and there is nothing else that
 * it could have refused it for.
 */
function reuseNote(
  question: BindQuestion,
  holder: PortHolder,
  rule: Blocker["rule"],
  count: number,
  alone: boolean,
): string | undefined {
  if (rule === "listener" || !question.reuseAddr) return undefined;
  const side = count > 1 ? "their" : "its";
  // The kernel told of the option, not of who failed to set it.
  const told = holder.optionsBy === "probe";
  if (!told && holder.reuseAddr === false && rule === "client")
    return "a client's socket has no SO_REUSEADDR, so yours does not help";
  if (!told && holder.reuseAddr === false) return `${side} side did not set SO_REUSEADDR, so yours does not help`;
  if (holder.reuseAddr === true) return undefined;
  if (!alone && !told)
    return `whether ${side} side set SO_REUSEADDR cannot be seen: if so, ${count > 1 ? "they do" : "it does"} not stand in the way`;
  return `SO_REUSEADDR is missing on ${count > 1 ? "at least one of their sides" : "its side"}, so yours does not help`;
}

/** Why SO_REUSEPORT does not share the port, where it was asked for. */
function reusePortNote(question: BindQuestion, { socket, reusePort }: PortHolder, count: number): string | undefined {
  if (!question.reusePort || socket.state === "TIME-WAIT") return undefined;
  if (reusePort === false) return `SO_REUSEPORT is missing on ${count > 1 ? "their" : "its"} side`;
  return question.uid !== undefined && socket.uid !== undefined && question.uid !== socket.uid
    ? "SO_REUSEPORT shares a port among one user's sockets only"
    : undefined;
}

/** Sockets of this port that do not stand in the way, because their addresses do not meet. */
export function bystanders(snapshot: BindSnapshot): readonly PortHolder[] {
  const { address, v6only, protocol } = snapshot.question;
  const mine = classifyAddress(address, v6only);
  const quirks = quirksOf(snapshot.settings.kernelRelease, protocol);
  return snapshot.holders.filter((holder) => addressesOverlap(mine, holderAddress(holder), quirks) === false);
}
