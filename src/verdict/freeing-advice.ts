/** What portmortem itself can do about what stands in the way of a bind: one command that frees the port, or one that waits for it. Pure. */
import { needsRootToDestroy, needsRootToSignal } from "../tcp/asker.ts";
import { bindCommand } from "../tcp/bind-command.ts";
import type { BindCommand } from "../tcp/bind-command.ts";
import type { BindQuestion, BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Owner, Socket } from "../tcp/socket.ts";
import type { ContainerEnding } from "./container-advice.ts";
import { isClient, isServed, isUdpClient } from "./holder-rule.ts";
import { containerName } from "./manager-command.ts";
import { clearCosts, clearText, endsInMs, seconds, waitText, whyNotCleared } from "./left-behind.ts";
import type { Advice, Blocker } from "./why.ts";

/** How a text begins of what is worth nothing before what stands above it is done. */
export const AFTER = "after that";

/** What stands in the way, by what is to be done about it. */
export interface InTheWay {
  /** Programs that are asked to end. */
  readonly asked: readonly Owner[];
  /** Their engine stops them. */
  readonly contained: readonly ContainerEnding[];
  /** They are ended, and their programs left alone. */
  readonly connections: readonly Blocker[];
  readonly left: readonly Blocker[];
}

export interface FreeingQuestion {
  readonly snapshot: BindSnapshot;
  /** The bind that is to work; not always the one that was asked about. */
  readonly question: BindQuestion;
}

/** Nothing but time: where all that is in the way ends by itself, and it is known when. */
export function waitAdvice({ snapshot, question }: FreeingQuestion, left: readonly Blocker[]): Advice[] {
  const lastMs = endsInMs(left);
  if (lastMs === undefined) return [];
  const { asker } = snapshot.settings;
  // A bind in another namespace takes the right to enter it, one as another user root: who asked could make it, or not even that one.
  const foreign = question.uid !== undefined && question.uid !== asker.uid;
  const entered = asker.netns === undefined || snapshot.probed.length > 0;
  const asRoot = asker.uid !== 0 && (foreign || !entered);
  return [
    { text: waitText(left, lastMs), command: bindCommand({ verb: "wait", question, asker, asRoot }), costs: "nothing" },
  ];
}

/** One command for all of it; where this machine cannot clear what is left behind, that is said. Empty: there is nothing to be done. */
export function freeAdvice(asked: FreeingQuestion, way: InTheWay): Advice[] {
  const { settings } = asked.snapshot;
  const stuck = way.left.flatMap((blocker) => {
    const why = whyNotCleared(blocker, settings);
    return why === undefined ? [] : [{ text: `${clearText([blocker])}: ${why}`, costs: "nothing" as const }];
  });
  const ends = [...way.asked, ...way.contained, ...way.connections].length > 0;
  if (stuck.length === 0) return ends || way.left.length > 0 ? [freeLine(asked, way, [])] : [];
  if (!ends) return stuck;
  const lastMs = endsInMs(way.left);
  if (lastMs !== undefined) return [freeLine(asked, way, ["--wait", `${seconds(lastMs)}s`])];
  const line = freeLine(asked, { ...way, left: [] }, []);
  return [
    { ...line, text: `${line.text}; what is left behind still blocks then` },
    ...stuck.map(({ text, ...rest }) => ({ ...rest, text: `${AFTER}: ${text}` })),
  ];
}

function freeLine({ snapshot, question }: FreeingQuestion, way: InTheWay, waiting: readonly string[]): Advice {
  const { asked, contained, connections, left } = way;
  const { asker } = snapshot.settings;
  const command: BindCommand = {
    verb: "free",
    question,
    asker,
    asRoot: needsRoot(snapshot, way, waiting.length > 0),
    options: [
      ...waiting,
      ...(connections.some((one) => wentOut(one, snapshot)) ? ["--drop-clients"] : []),
      ...(contained.length > 0 ? ["--container"] : []),
    ],
  };
  return {
    text: freeText({ snapshot, question }, way, waiting.length > 0),
    command: bindCommand(command),
    costs: costsOf(),
  };

  function costsOf(): Advice["costs"] {
    if (asked.length + contained.length > 0) return "downtime";
    return connections.length > 0 ? "data" : clearCosts(left);
  }
}

/** Whether a program went out by this connection, whatever has become of it since: to end such a one takes a consent of its own. */
export function wentOut({ rule, socket }: Blocker, { holders, settings }: BindSnapshot): boolean {
  if (socket === undefined || rule === "listener") return false;
  if (rule === "client" || isUdpClient(socket, settings)) return true;
  if (rule === "bound" || socket.inode === undefined) return false;
  const served = isServed(holders);
  return holders.some((holder) => isAlike(holder.socket, socket) && isClient(holder, served, settings));
}

/** Of those that are folded with it. */
function isAlike(one: Socket, other: Socket): boolean {
  return one.state === other.state && one.owners?.[0]?.pid === other.owners?.[0]?.pid;
}

function needsRoot(snapshot: BindSnapshot, { asked, connections, left }: InTheWay, waits: boolean): boolean {
  const { asker } = snapshot.settings;
  return (
    needsRootToSignal(asker, asked) ||
    (needsRootToDestroy(asker) &&
      ((left.length > 0 && !waits) || connections.some((one) => !isWithinReach(snapshot, one)))) ||
    // The proof is a bind as that user.
    (asker.uid !== 0 && snapshot.question.uid !== undefined && snapshot.question.uid !== asker.uid)
  );
}

/** Without SOCK_DESTROY a connection is reset through a duplicate of its descriptor (pidfd_getfd). Where the options were read so, that works. */
function isWithinReach({ holders }: BindSnapshot, { socket }: Blocker): boolean {
  const pid = socket?.owners?.[0]?.pid;
  const his = holders.filter((holder) => holder.socket.owners?.[0]?.pid === pid);
  return pid !== undefined && his.every(({ optionsBy }) => optionsBy === "held");
}

function freeText(about: FreeingQuestion, { asked, contained, connections, left }: InTheWay, waits: boolean): string {
  if (asked.length + contained.length + connections.length === 0) return clearText(left);
  const parts = [
    ...(left.length > 0 && waits ? ["wait until what is left behind has ended"] : []),
    ...(left.length > 0 && !waits ? ["clear what is left behind"] : []),
    ...(connections.length > 0 ? [endText(about, connections)] : []),
    ...(contained.length > 0 ? [`have ${containersText(contained)} stopped by its engine`] : []),
    ...(asked.length > 0 ? [askText(asked)] : []),
  ];
  return `${parts.join(", ")}, and prove that the port is free`;
}

function endText({ snapshot, question }: FreeingQuestion, connections: readonly Blocker[]): string {
  const count = connections.reduce((sum, blocker) => sum + blocker.count, 0);
  const owners = connections.flatMap(({ socket }) => socket?.owners ?? []);
  const which = count === 1 ? "that one connection" : `those ${count} connections`;
  const whose = owners.length > 0 && connections.every(({ socket }) => socket?.owners?.length);
  const who = whose ? programsText(owners) : count === 1 ? "its program" : "their programs";
  // A port that was asked for in bind() stays with the descriptor, whatever becomes of the connection (SOCK_BINDPORT_LOCK); only
  // SO_REUSEADDR, which `free` can set on what is left of it, passes over it.
  const stays =
    !question.reuseAddr &&
    connections.some(({ socket }) =>
      snapshot.holders.some((holder) => holder.socket === socket && holder.autoBound === false),
    );
  return `end ${which} and leave ${who} alone${stays ? " (the port was asked for, and is free once it closes its end)" : ""}`;
}

/** Who publishes a port does not always tell for which one. */
function containersText(endings: readonly ContainerEnding[]): string {
  const names = endings.flatMap(({ container }) => (container === undefined ? [] : [containerName(container)]));
  return names.length === 0 ? "the container" : `the container ${[...new Set(names)].join(", ")}`;
}

/** "ask node (pid 812) to end": a stopped one ends only once it goes on. */
export function askText(owners: readonly Owner[]): string {
  const stopped = owners.some(({ state }) => state === "T");
  return `ask ${programsText(owners)} to end${stopped ? " (stopped by Ctrl-Z, it is let go on first)" : ""}`;
}

const MOST_PROGRAMS = 3;

/** "node (pid 812)", "the 2 node processes and nginx (pid 7)". */
function programsText(owners: readonly Owner[]): string {
  const programs = new Map<string, Set<number>>();
  for (const { command, pid } of owners) programs.set(command, (programs.get(command) ?? new Set()).add(pid));
  if (programs.size > MOST_PROGRAMS) return `the ${new Set(owners.map(({ pid }) => pid)).size} processes`;
  const names = [...programs].map(([command, pids]) =>
    pids.size === 1 ? `${command} (pid ${[...pids][0]})` : `the ${pids.size} ${command} processes`,
  );
  return names.length < 2 ? (names[0] ?? "it") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
