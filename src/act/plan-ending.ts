/** Who has to end so that a port becomes free, in which order and by which signals; and who must not. Pure. */
import { durationText } from "../base/duration.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { FreeRefusal } from "../tcp/free-plan.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import { programTitle } from "../tcp/program-words.ts";
import type { Owner, Socket } from "../tcp/socket.ts";
import { planContainers } from "./plan-containers.ts";
import { ownerlessText } from "../verdict/holder-rule.ts";
import type { FreeFacts } from "./free-facts.ts";
import type { FreeWish, PlannedFree, PlannedStep } from "./planned-step.ts";

/** `held`: listeners and bound sockets that are in the way. */
export function planEnding(held: readonly Socket[], facts: FreeFacts, wish: FreeWish): PlannedFree {
  const refused: FreeRefusal[] = [];
  const containers = planContainers(held, facts, wish);
  const holders = new Map<number, Holder & { readonly sockets: Socket[] }>();
  for (const socket of held) {
    const owners = socket.owners ?? [];
    if (owners.length === 0) refused.push(unseen(socket, wish));
    for (const owner of owners) {
      if (facts.containers.has(owner.pid)) continue;
      const process = facts.family.nodes.get(owner.pid);
      const refusal = process === undefined ? undefined : whyNotEnd(socket, owner, process, facts, wish);
      if (refusal !== undefined) refused.push(refusal);
      // Gone since it was seen: there is nobody to be asked.
      if (process === undefined || refusal !== undefined) continue;
      const known = holders.get(owner.pid);
      if (known === undefined) holders.set(owner.pid, { process, sockets: [socket] });
      else if (!known.sockets.includes(socket)) known.sockets.push(socket);
    }
  }
  const known = [...holders.values()];
  const program = wish.tree && known.length > 0 ? restOfProgram(facts, wish) : { others: [], refused: [] };
  const inOrder = [...known, ...program.others].sort((a, b) => placeOf(a.process, facts) - placeOf(b.process, facts));
  const kills = wish.force ? inOrder.map((one) => kill(one, wish)) : [];
  return {
    steps: [...containers.steps, ...inOrder.flatMap((one) => askToEnd(one)), ...kills],
    refused: [...containers.refused, ...refused, ...program.refused],
  };
}

interface Holder {
  readonly process: ProcessNode;
  readonly sockets: readonly Socket[];
}

/** Those of the program that do not hold the port. */
function restOfProgram(facts: FreeFacts, wish: FreeWish): Rest {
  const others: Holder[] = [];
  const refused: FreeRefusal[] = [];
  for (const { pid, holds } of facts.job) {
    const process = facts.family.nodes.get(pid);
    if (process === undefined || holds) continue;
    const whyNot = whyNotSignal(process, "another user's", facts, wish);
    if (whyNot === undefined) others.push({ process, sockets: [] });
    else refused.push({ count: 1, pid, ...whyNot, text: `${nameOf(process)} is of the same program${whyNot.text}` });
  }
  return { others, refused };
}

interface Rest {
  readonly others: readonly Holder[];
  readonly refused: readonly FreeRefusal[];
}

/** A parent that starts its workers anew is asked before them. */
function placeOf({ pid }: ProcessNode, { job }: FreeFacts): number {
  const place = job.findIndex((line) => line.pid === pid);
  return place < 0 ? job.length : place;
}

/** A process that is stopped hears a signal only once it goes on. */
function askToEnd({ process, sockets }: Holder): PlannedStep[] {
  const [socket] = sockets;
  const base = { pid: process.pid, ...(socket === undefined ? {} : { socket }) };
  const name = nameOf(process);
  const steps: PlannedStep[] = [];
  if (isStopped(process)) {
    const text = `${name} is stopped (Ctrl-Z): continued, so that it can hear the next signal`;
    steps.push({ kind: "signal", step: { kind: "signal", ...base, signal: "SIGCONT", text }, process, sockets });
  }
  const text = `${name} ${whatFor(socket)}: asked to end`;
  steps.push({ kind: "signal", step: { kind: "signal", ...base, signal: "SIGTERM", text }, process, sockets });
  return steps;
}

function whatFor(socket: Socket | undefined): string {
  if (socket === undefined) return "is of the same program";
  return `${socket.state === "LISTEN" ? "listens on" : "is bound to"} ${formatEndpoint(socket.local)}`;
}

function kill({ process, sockets }: Holder, { graceMs }: FreeWish): PlannedStep {
  const [socket] = sockets;
  const until = socket === undefined ? "is still there" : "still holds the port";
  const text = `${nameOf(process)}: killed if it ${until} ${durationText(graceMs)} later, with no time to clean up`;
  const step = {
    kind: "signal",
    pid: process.pid,
    ...(socket === undefined ? {} : { socket }),
    signal: "SIGKILL",
    afterMs: graceMs,
    ifNeeded: true,
    text,
  } as const;
  return { kind: "signal", step, process, sockets };
}

export function isStopped({ state }: ProcessNode): boolean {
  return state === "T";
}

function whyNotEnd(
  socket: Socket,
  owner: Owner,
  process: ProcessNode,
  facts: FreeFacts,
  wish: FreeWish,
): FreeRefusal | undefined {
  const { self } = facts.family;
  const base = { count: 1, socket, pid: process.pid };
  const name = nameOf(process);
  if (process.pid === 1)
    return {
      ...base,
      text: `pid 1 (${process.command}) holds it and is never ended: ${process.command === "systemd" ? "a .socket unit listens for its service; systemctl list-sockets names it" : "it is the root of everything here"}`,
    };
  if (process.pid === self.pid) return { ...base, text: "this very program holds it" };
  if (self.ancestors.includes(process.pid))
    return {
      ...base,
      text: `${name} holds it, and this command was started by it: to end it would end this too`,
      command: `kill ${process.pid}`,
    };
  const keeper = facts.spared.get(process.pid);
  if (keeper?.kind === "keeper") {
    // The daemon of pm2 holds the ports of its clusters, systemd those of socket units: the one program behind it has a command of its own.
    const by = facts.supervisors.find(({ of, command }) => of === process.pid && command !== undefined);
    return { ...base, text: `${name} holds it, and ${keeper.text}`, command: by?.command ?? `kill ${process.pid}` };
  }
  const whose = owner.user === undefined ? "another user's" : `${owner.user}'s`;
  const whyNot = whyNotSignal(process, whose, facts, wish);
  return whyNot === undefined ? undefined : { ...base, ...whyNot, text: `${name} holds it${whyNot.text}` };
}

/** `text` goes on behind who it is. */
function whyNotSignal(
  { pid, uid }: ProcessNode,
  whose: string,
  { maySignal, family }: FreeFacts,
  wish: FreeWish,
): Pick<FreeRefusal, "lacks" | "text" | "command"> | undefined {
  const answer = maySignal.get(pid);
  if (answer === undefined || answer === "ok" || answer === "ESRCH") return undefined;
  if (answer === "EPERM" && uid !== family.self.uid)
    return { lacks: "right", text: ` and is ${whose}: this user may not signal it`, command: wish.command([], true) };
  // Without a pidfd (Linux 5.3) the pid can be somebody else's by the time of the signal.
  const why = {
    EPERM: "a signal to it is refused, though it is this user's: by a filter for system calls or a security module",
    ENOSYS:
      "this kernel cannot hold it while it is signalled (pidfd_open, Linux 5.3), and its pid may be another's then",
  }[answer];
  return {
    ...(answer === "EPERM" ? { lacks: "right" } : answer === "ENOSYS" ? { lacks: "kernel" } : {}),
    text: `; ${why ?? `it could not be held while it is signalled: ${answer}`}`,
    command: `kill ${pid}`,
  };
}

function unseen(socket: Socket, wish: FreeWish): FreeRefusal {
  const { ownerless = "unknown" } = socket;
  const right = ownerless === "no-permission";
  return {
    count: 1,
    socket,
    ...(right ? { lacks: "right" as const, command: wish.command([], true) } : {}),
    text: `${socket.state === "LISTEN" ? "a listener on" : "a socket bound to"} ${formatEndpoint(socket.local)}: ${ownerlessText(ownerless, 1)}`,
  };
}

export function nameOf({ command, pid, args }: ProcessNode): string {
  return `${programTitle(command, args)} (pid ${pid})`;
}
