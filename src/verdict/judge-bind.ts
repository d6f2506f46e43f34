/** The answer to "can this be bound, and if not, what stands in the way?": a pure function of a snapshot. */
import { attemptOptions } from "../tcp/bind-snapshot.ts";
import { olderThan } from "../base/kernel-release.ts";
import { adviceFor } from "./advice.ts";
import type { Attempt, BindQuestion, BindSnapshot, PortHolder } from "../tcp/bind-snapshot.ts";
import type { Owner, Socket } from "../tcp/socket.ts";
import type { Blocker, BlockerRule, Spared, Why } from "./why.ts";
import { blockingHolders, bystanders, foldBlockers, likeliestHolders } from "./blockers.ts";
import { foldHolders } from "./fold-holders.ts";
import { inferOptions } from "./infer-options.ts";
import { findRivals } from "./rivals.ts";
import { elsewhereText } from "./elsewhere.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import { describe, freeInMs, isClient, isServed, ownersText, ruleOf } from "./holder-rule.ts";
import { predictBind, predictListen } from "./predict-bind.ts";
import { preconditionBlocker } from "./preconditions.ts";

export function judgeBind(seen: BindSnapshot): Why {
  return judgeBindClosely(seen).why;
}

/**
 * For whoever acts on it: the holders themselves that stand in the way, with all that is known of their options, and who they are to the
 * port. Of some it hangs on what cannot be seen: they are left out as long as others are likelier, and the bind is to be asked about again.
 */
export interface CloseVerdict {
  readonly why: Why;
  readonly blocking: readonly {
    readonly holder: PortHolder;
    readonly rule: BlockerRule;
    readonly freeInMs?: number;
    /** A program went out by it, whatever has become of it since. */
    readonly outgoing?: true;
  }[];
}

export function judgeBindClosely(seen: BindSnapshot): CloseVerdict {
  const snapshot = { ...seen, holders: inferOptions(seen) };
  const { question } = snapshot;
  const attempts = allAttempts(snapshot);
  const asked = attempts[0]!;
  const bindable = asked.result === "ok";
  const blockers = blockersOf(snapshot, question, asked);
  const plain = attempts.find((attempt) => !attempt.reuseAddr);
  const withoutReuseAddr =
    bindable && question.reuseAddr && plain !== undefined && plain.result !== "ok" && plain.result !== "unknown"
      ? blockersOf(snapshot, { ...question, reuseAddr: false }, plain)
      : undefined;
  const withoutReusePort = bindable && question.reusePort ? blockersWithoutReusePort(snapshot) : undefined;
  const rivals = bindable ? findRivals(snapshot) : [];
  const elsewhere = snapshot.elsewhere.map((listener) => ({
    netns: listener.netns,
    names: listener.names,
    socket: listener.socket,
    text: elsewhereText(listener, blockers),
  }));
  const why: Why = {
    endpoint: {
      protocol: question.protocol,
      address: question.address,
      port: question.port,
      v6only: question.v6only,
      ...(question.device === undefined ? {} : { interface: question.device }),
    },
    bindable,
    attempts,
    blockers,
    ...(withoutReuseAddr === undefined ? {} : { withoutReuseAddr }),
    ...(withoutReusePort === undefined ? {} : { withoutReusePort }),
    ...(rivals.length === 0 ? {} : { rivals }),
    spared: sparedOf(snapshot),
    elsewhere,
    advice: adviceFor({
      snapshot,
      bindable,
      attempts,
      blockers,
      withoutReuseAddr: withoutReuseAddr ?? [],
      withoutReusePort: withoutReusePort ?? [],
    }),
    incomplete: snapshot.incomplete,
  };
  const served = isServed(snapshot.holders);
  const listeners = snapshot.holders.filter(({ socket }) => socket.state === "LISTEN");
  const inTheWay =
    preconditionBlocker(snapshot, asked.result) === undefined ? likeliestHolders(snapshot, question, asked.result) : [];
  const blocking = inTheWay.map((holder) => {
    const rule = ruleOf(holder, served, snapshot.settings);
    const ms = freeInMs(rule, holder.socket);
    const accepted = listeners.some(({ socket }) => takesIn(socket, holder.socket));
    const outgoing = holder.socket.inode !== undefined && isClient(holder, accepted, snapshot.settings);
    return {
      holder,
      rule,
      ...(ms === undefined ? {} : { freeInMs: ms }),
      ...(outgoing ? { outgoing } : {}),
    };
  });
  return { why, blocking };
}

/** Can this listener have accepted that connection? One on another address of the port cannot. */
function takesIn({ local, v6only }: Socket, connection: Socket): boolean {
  const [at, near] = [local.address, connection.local.address].map((address) => address.replace("::ffff:", ""));
  if (at === "::") return near!.includes(":") || v6only !== true;
  return at === near || (at === "0.0.0.0" && !near!.includes(":"));
}

/** The attempt that was asked for first, then the same with the other SO_REUSEADDR; real binds where they were made, else the rules. */
function allAttempts(snapshot: BindSnapshot): Attempt[] {
  const { question, probed } = snapshot;
  return attemptOptions(question).map(({ reuseAddr, reusePort }) => {
    const real = probed.find((attempt) => attempt.reuseAddr === reuseAddr && attempt.reusePort === reusePort);
    if (real !== undefined) return withListen(question, real);
    const { bind: result } = predictBind(snapshot, { ...question, reuseAddr, reusePort });
    return withListen(question, { reuseAddr, reusePort, result, by: "rules" });
  });
}

function withListen(question: BindQuestion, attempt: Attempt): Attempt {
  const listen = predictListen(question, attempt.result);
  return listen === undefined ? attempt : { ...attempt, listen };
}

function blockersOf(snapshot: BindSnapshot, question: BindQuestion, attempt: Attempt): Blocker[] {
  if (attempt.result === "ok") return [];
  const before = preconditionBlocker(snapshot, attempt.result);
  if (before !== undefined) return [before];
  const blockers = foldBlockers(snapshot, question, blockingHolders(snapshot, question, attempt.result));
  if (blockers.length > 0 || attempt.result !== "EADDRINUSE") return blockers;
  return [{ rule: "unseen", count: 1, text: unseenText(snapshot) }];
}

/** No real bind was made without SO_REUSEPORT: by the rules, and nothing where they hang on what cannot be seen. */
function blockersWithoutReusePort(snapshot: BindSnapshot): Blocker[] | undefined {
  const question = { ...snapshot.question, reusePort: false };
  const { bind: result } = predictBind(snapshot, question);
  if (result !== "EADDRINUSE") return undefined;
  const { reuseAddr, reusePort } = question;
  return blockersOf({ ...snapshot, probed: [] }, question, { reuseAddr, reusePort, result, by: "rules" });
}

function unseenText(snapshot: BindSnapshot): string {
  const kernel = snapshot.settings.kernelRelease;
  return olderThan(kernel, 6, 8)
    ? `a socket that is bound and neither listens nor is connected: Linux ${kernel} does not show such sockets (6.8 and later do)`
    : "the kernel answers EADDRINUSE, and no socket that can be seen from here explains it";
}

/** Who shares the port or its number and is in nobody's way. */
function sparedOf(snapshot: BindSnapshot): Spared[] {
  const served = isServed(snapshot.holders);
  const spared: Spared[] = snapshot.connectedTo.map(({ socket, count, someOwners }) => ({
    socket,
    count,
    text: `${connectedText(snapshot, served, socket, count)}${byWhom(socket.owners, someOwners)}; ${count > 1 ? "they do" : "it does"} not stand in the way`,
  }));
  for (const { rule, members, someOwners } of foldHolders(bystanders(snapshot), served, snapshot.settings)) {
    const { socket } = members.find((holder) => holder.socket.owners?.length) ?? members[0]!;
    const count = members.length;
    const asked = formatEndpoint({ address: snapshot.question.address, port: snapshot.question.port });
    spared.push({
      socket,
      count,
      text: `${rule === "listener" && count === 1 ? "a socket " : ""}${describe(rule, socket, count)}${byWhom(socket.owners, someOwners)}; ${count > 1 ? "their" : "its"} address does not meet ${asked}`,
    });
  }
  return spared;
}

/** The other end of an outgoing connection that took the port is connected to the port too, and nobody went TO it. */
function connectedText(snapshot: BindSnapshot, served: boolean, socket: Socket, count: number): string {
  const { port } = snapshot.question;
  const isOtherEnd = snapshot.holders.some(
    (holder) =>
      holder.socket.remote?.port === socket.local.port &&
      holder.socket.remote.address === socket.local.address &&
      ruleOf(holder, served, snapshot.settings) === "client",
  );
  if (isOtherEnd)
    return count > 1
      ? `the other ends of ${count} connections that use port ${port}`
      : `the other end of a connection that uses port ${port}`;
  const state =
    socket.state === "ESTABLISHED"
      ? ""
      : ` (${socket.state}${socket.ownerless === "kernel" ? ", held by no program" : ""})`;
  return `${count > 1 ? `${count} connections` : "a connection"} TO port ${port}${state}`;
}

/** `some`: the programs of those that were traced, where not all of the group were. */
function byWhom(owners: readonly Owner[] | undefined, some: readonly Owner[] | undefined): string {
  if (some !== undefined) return `, some of them held by ${ownersText(some)}`;
  return owners === undefined || owners.length === 0 ? "" : `, held by ${ownersText(owners)}`;
}
