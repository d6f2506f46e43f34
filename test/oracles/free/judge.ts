/** What may have happened to a scene, and what must not have. By what the kernel shows, not by what the program says of itself. */
import type { FreeResult } from "../../../src/tcp/free-plan.ts";
import type { Socket } from "../../../src/tcp/socket.ts";
import { conflicts, meets } from "./conflict.ts";
import type { Owner } from "./owner.ts";
import type { Piece, Played, Verdict, World } from "./played.ts";
import { isStopped, startOf } from "./process-life.ts";
import { Ends, isIntact } from "./world.ts";

export interface Looks {
  readonly before: World;
  readonly after: World;
  /** The sockets of each of the processes that may have to end, by inode, as it was before. */
  readonly holdings: ReadonlyMap<number, ReadonlySet<number>>;
}

/** One program that neither closes what has failed nor lets the kernel take the port back. */
export function isStubborn({ scene, pieces }: Played): boolean {
  return [...pieces.values()].some(
    ({ occupant }) =>
      occupant.kind === "client" &&
      !occupant.chosen &&
      (!occupant.tidy || occupant.ending === "close-wait") &&
      meets(scene.question, occupant),
  );
}

function holdsItself(played: Played): boolean {
  return [...played.pieces.values()].some(
    ({ mine, occupant }) =>
      mine === true && occupant.kind !== "left" && isInTheWay(played, occupant, occupant.kind === "server"),
  );
}

/** What the program says, against a bind and its own plan. */
export function judgeWords(played: Played, { result, bind, swap }: Verdict): string[] {
  const problems: string[] = [];
  const { wish } = played.scene;
  // The port remembers who shared it by SO_REUSEPORT, and lets in whom it refused a moment ago (docs/kernel/bind.md).
  const remembered = played.scene.question.reusePort && bind === "ok";
  if (!remembered && result.bindable !== (bind === "ok"))
    problems.push(`it says ${result.bindable ? "bindable" : "not bindable"}, a bind says ${bind}`);
  for (const step of result.done)
    if (!result.plan.some((one) => one.text === step.text)) problems.push(`done and not planned: ${step.text}`);
  if (wish.dryRun && result.done.length > 0) problems.push("something was done in a dry run");
  if (!wish.force && result.done.some((step) => step.kind === "signal" && step.signal === "SIGKILL"))
    problems.push("SIGKILL, and nobody allowed it");
  // Beside a listener a client's options are not looked for: whether it is in the way comes to light when the server is gone.
  const unforeseen = !wish.dropClients && played.scene.question.reuseAddr;
  if (
    !unforeseen &&
    result.refused.length > 0 &&
    !isStubborn(played) &&
    swap === undefined &&
    wish.force &&
    result.done.some((step) => isCostly(step))
  )
    problems.push(`done in vain: ${result.refused.map(({ text }) => text).join("; ")}`);
  if (holdsItself(played)) {
    if (result.done.length > 0) problems.push("something was done although this program itself holds the port");
  } else if (
    !played.scene.swapped &&
    !wish.dryRun &&
    wish.force &&
    wish.dropClients &&
    bind !== "ok" &&
    !isStubborn(played)
  )
    problems.push(`not free: ${bind}; ${result.refused.map(({ text }) => text).join("; ")}`);
  return problems;
}

/** Somebody loses something by it. */
function isCostly(step: FreeResult["done"][number]): boolean {
  return (step.kind === "signal" || step.kind === "drop") && step.result === "ok";
}

/** These end, or let go, as soon as they are asked to: SIGKILL is for others. */
const WILLING = new Set(["prompt", "stopped", "slow", "forked", "shared", "heir", "parent"]);

/** Processes that have ended, or go on though they were stopped. */
export function judgeProcesses(played: Played, { result }: Verdict, { before, after, holdings }: Looks): string[] {
  const problems: string[] = [];
  const inTheWay = new Set(
    [...played.pieces].flatMap(([cookie, piece]) => keepsThePort(played, piece, before.get(cookie)?.socket)),
  );
  for (const owner of played.owners) {
    const held = (pid: number): boolean => [...(holdings.get(pid) ?? [])].some((inode) => inTheWay.has(inode));
    const anyHeld = owner.processes.some(({ pid }) => held(pid));
    for (const { pid, startTicks } of owner.processes) {
      const planned = result.done.some((step) => step.kind === "signal" && step.pid === pid);
      const who = `the ${owner.conduct} process ${pid}`;
      const killed = result.done.some(
        (step) => step.kind === "signal" && step.pid === pid && step.signal === "SIGKILL" && step.result === "ok",
      );
      if (killed && WILLING.has(owner.conduct) && hasTime(played))
        problems.push(`${who} was killed, and would have ended`);
      // What a dying process leaves behind was not there to be looked at, and holds what that one held.
      const mayEnd = holdings.has(pid) ? held(pid) : anyHeld;
      // It has become a server of one connection, which was ended.
      if (!planned && hasLostConnection(played, owner, before, after)) continue;
      if (startOf(pid) === startTicks) {
        if (owner.conduct === "stopped" && !planned && !isStopped(pid)) problems.push(`${who} was continued`);
      } else if (!mayEnd) problems.push(`${who} holds nothing that is in the way, and was ended`);
      else if (!planned) problems.push(`${who} was ended, and no step says so`);
    }
  }
  return problems;
}

function hasLostConnection({ pieces }: Played, owner: Owner, before: World, after: World): boolean {
  return (
    owner.echoes !== undefined &&
    [...pieces].some(([cookie, { owners }]) => {
      const was = before.get(cookie)?.socket;
      return owners.includes(owner) && was?.state === "ESTABLISHED" && !isIntact(was, after);
    })
  );
}

/** Nobody is there for whom the time to end was made short. */
function hasTime({ owners }: Played): boolean {
  return owners.every(({ conduct }) => WILLING.has(conduct));
}

/** A listener, or a socket that is bound only: nothing else may cost a process its life. */
function keepsThePort(played: Played, { occupant }: Piece, socket: Socket | undefined): number[] {
  if (socket?.inode === undefined || (socket.state !== "LISTEN" && socket.state !== "BOUND")) return [];
  const isKept = isInTheWay(played, { ...occupant, address: socket.local.address }, socket.state === "LISTEN");
  return isKept ? [socket.inode] : [];
}

function isInTheWay({ scene }: Played, binding: Piece["occupant"], listens: boolean): boolean {
  // SO_REUSEPORT of both can let it in, or not, by what the port remembers.
  return conflicts(scene.question, binding, listens);
}

/** Sockets that are there no longer, or no longer what they were: each needs a reason. `scenes`: by port. */
export function judgeSockets(
  looks: Looks,
  scenes: ReadonlyMap<number, { readonly played: Played; readonly verdict: Verdict }>,
  complain: (played: Played | undefined, problem: string) => void,
): void {
  const { before, after } = looks;
  const ends = new Ends(before);
  for (const { played, verdict } of scenes.values()) {
    const server = verdict.swap?.server;
    const state = server === undefined ? "LISTEN" : after.get(server)?.socket.state;
    if (state !== "LISTEN") complain(played, `the server that came meanwhile is ${state ?? "gone"}`);
  }
  const innocents = new Map(
    [...scenes.values()].flatMap(({ played }) => [...played.innocent].map((one) => [one, played] as const)),
  );
  for (const [cookie, { socket, beyond }] of before) {
    if (isIntact(socket, after) || isShortLived(socket)) continue;
    const what = `${beyond ? "beyond: " : ""}${tell(socket)} is ${after.get(cookie)?.socket.state ?? "gone"}`;
    const innocent = innocents.get(cookie);
    if (innocent !== undefined) {
      if (!isLastAttempt(socket, innocent, scenes)) complain(innocent, `innocent: ${what}`);
    } else if (beyond) complain(undefined, what);
    else {
      const local = scenes.get(socket.local.port);
      const remote = scenes.get(socket.remote?.port ?? 0);
      if (local !== undefined && local.verdict.swap?.gone !== cookie) {
        const why = whyNot(local.played, local.verdict.result, socket, looks);
        if (why !== undefined) complain(local.played, `${what}: ${why}`);
      } else if (remote !== undefined && local === undefined) {
        const other = ends.otherOf(socket);
        if (other === undefined || isIntact(other, after))
          complain(remote.played, `${what}, and its other end is as it was`);
      } else if (local === undefined) complain(undefined, what);
    }
  }
}

/** Before it gives up, what only may be in the way is cleared: of what no program holds, nobody can tell whether it is. */
function isLastAttempt(
  { inode, local }: Socket,
  innocent: Played,
  scenes: ReadonlyMap<number, { readonly verdict: Verdict }>,
): boolean {
  const done = scenes.get(local.port)?.verdict.result.done ?? [];
  return (
    inode === undefined &&
    isStubborn(innocent) &&
    done.some((step) => step.kind === "destroy" && step.ifNeeded === true)
  );
}

/** One that ends by itself while it is looked at, of a scene long ago. */
function isShortLived({ timer }: Socket): boolean {
  return timer?.kind === "time-wait" && timer.remainingMs < 20_000;
}

/** Undefined: it had to go, or had to be expected to. */
function whyNot(
  played: Played,
  result: FreeResult,
  socket: Socket,
  { before, after, holdings }: Looks,
): string | undefined {
  const piece = played.pieces.get(socket.cookie ?? "");
  const { occupant, owners = [], bystander } = piece ?? {};
  if (result.done.length === 0) return "and nothing was to be done";
  const { inode } = socket;
  if (inode !== undefined && bystander === undefined) {
    const holders = owners.flatMap(({ conduct, processes }) => processes.map((one) => ({ conduct, ...one })));
    const alive = holders.filter(
      ({ pid, startTicks }) => holdings.get(pid)?.has(inode) === true && startOf(pid) === startTicks,
    );
    if (alive.length === 0) return undefined;
    const drained = alive.every(
      ({ conduct, pid }) =>
        conduct === "drains" && result.done.some((step) => step.kind === "signal" && step.pid === pid),
    );
    if (socket.state === "LISTEN" || socket.state === "BOUND")
      return drained ? undefined : "its process lives and has not closed it";
    // It goes on with one of its connections, and closes the others itself.
    if (drained && piece?.goesOn !== true) return undefined;
  }
  if (socket.inode === undefined && piece === undefined) {
    const served = [...played.pieces].some(
      ([cookie, one]) =>
        one.occupant.kind === "server" && after.get(cookie)?.socket.state !== "LISTEN" && before.has(cookie),
    );
    return served ? undefined : "its listener is there";
  }
  const binding = { ...played.scene.question, ...occupant, address: socket.local.address };
  if (!meets(played.scene.question, binding)) return "its address is not in the way";
  const kind = socket.inode === undefined ? "destroy" : "drop";
  if (result.done.some((step) => step.kind === kind)) {
    const held = socket.inode !== undefined;
    if (occupant?.kind === "client" && !played.scene.wish.dropClients) return "and nobody agreed to it";
    if (held && !conflicts(played.scene.question, binding, false)) return "it would have let the bind in";
    return undefined;
  }
  return `no step (${kind}) says so`;
}

function tell({ state, local, remote }: Socket): string {
  const text = ({ address, port }: Socket["local"]): string => `${address}:${port}`;
  return `${state} ${text(local)}${remote === undefined ? "" : ` with ${text(remote)}`}`;
}
