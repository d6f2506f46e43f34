/**
 * Carries a plan of plan-drop.ts out, and nothing else. Each connection is named by its cookie: what is gone is left, and what has become a
 * listener (the same descriptor can be given another life) is not touched. Between pieces of work the event loop goes round, so that a
 * signal is heard and whoever else runs in this process is served.
 */
import type { HostActions, TargetList } from "../host/actions.ts";
import type { Host } from "../host/host.ts";
import type { CandidateGroup, DropCandidates } from "../inspect/drop-candidates.ts";
import { dumpAll } from "../inspect/dump.ts";
import { eachPlace } from "../inspect/list-sockets.ts";
import type { ListRequest } from "../inspect/list-sockets.ts";
import type { DropClass } from "../tcp/drop-plan.ts";
import type { DropFailure } from "../tcp/drop-result.ts";
import type { Socket } from "../tcp/socket.ts";
import { maskOf } from "../tcp/states.ts";
import { DropFailures } from "./drop-failures.ts";
import type { PlannedStep } from "./drop-failures.ts";
import type { DropWish, PlannedGroup } from "./plan-drop.ts";
import { sleep } from "./sleep.ts";
import { throughDescriptor } from "./through-descriptor.ts";

export interface DropOutcome {
  dropped: number;
  /** Of those that were to be dropped: how many are there no more. */
  gone: number;
  /** Shut in order, and on their way through the states of closing. */
  closing: number;
  failed: DropFailure[];
  interrupted: boolean;
}

export interface DropRun {
  readonly host: Host;
  readonly actions: HostActions;
  readonly candidates: DropCandidates;
  readonly wish: DropWish;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
}

const IN_A_REQUEST = 100;
/** After so much work comes a pause, in which the kernel clears up what was destroyed, and others of this process get their turn. */
const WORK_MS = 0.5;
const PAUSE_MS = 1;
/** Up to so many are looked at one by one afterwards, 50 µs and more each; others are looked for in a dump. */
const MOST_LOOKED_AT = 200;

export async function runDrop(
  plan: readonly PlannedGroup<CandidateGroup>[],
  { host, actions, candidates, wish, signal, onProgress }: DropRun,
): Promise<DropOutcome> {
  const outcome: DropOutcome = { dropped: 0, gone: 0, closing: 0, failed: [], interrupted: false };
  const steps = plan.flatMap((planned) => ("step" in planned ? [planned] : []));
  const total = steps.reduce((sum, { group }) => sum + group.count, 0);
  const failures = new DropFailures(wish);
  const proof = new Proof(host, candidates);
  let done = 0;
  let workEnds = performance.now() + WORK_MS;
  /** Answers whether to go on. */
  const breathe = async (more: number): Promise<boolean> => {
    done += more;
    onProgress?.(done, total);
    if (performance.now() >= workEnds) {
      await sleep(PAUSE_MS);
      workEnds = performance.now() + WORK_MS;
    }
    outcome.interrupted ||= signal?.aborted === true && done < total;
    return !outcome.interrupted;
  };
  // What was asked for before anything was begun.
  if (signal?.aborted === true) return { ...outcome, interrupted: true };
  for (const planned of steps) {
    if (outcome.interrupted) break;
    const { group, step } = planned;
    const { targets, held } = group;
    if (step.kind === "destroy") {
      for (let from = 0; from < targets.length; from += IN_A_REQUEST) {
        const to = Math.min(from + IN_A_REQUEST, targets.length);
        outcome.dropped += destroySome(actions, { targets, from, to }, planned, failures);
        proof.expectGone(group, targets, to);
        if (!(await breathe(to - from))) break;
      }
      const list = actions.targets();
      for (let at = 0; at < held.length && !outcome.interrupted; at += IN_A_REQUEST) {
        const some = held.slice(at, at + IN_A_REQUEST);
        const from = list.length;
        const listening = listenerCookies(host);
        for (const socket of some) {
          // Not a connection any more: that is what was wished for.
          if (listening.has(socket.cookie) || !addSocket(list, socket)) outcome.gone++;
        }
        outcome.dropped += destroySome(actions, { targets: list, from, to: list.length }, planned, failures);
        proof.expectGone(group, list, list.length);
        await breathe(some.length);
      }
    } else {
      for (const socket of held) {
        if (isStillConnected(host, socket)) {
          const answer = throughDescriptor(host, actions, socket, step.kind);
          if (answer === "ok") {
            outcome.dropped++;
            proof.expectEnded(socket, step.kind);
          } else failures.add(planned, answer, socket, socket.cookie ?? "");
        } else outcome.gone++;
        if (!(await breathe(1))) break;
      }
    }
  }
  const proven = proof.look(failures);
  outcome.gone += proven.gone;
  outcome.closing = proven.closing;
  outcome.failed = [...failures.list(), ...proven.still];
  return outcome;
}

/** Answers how many were destroyed. */
function destroySome(
  actions: HostActions,
  { targets, from, to }: { targets: TargetList; from: number; to: number },
  planned: PlannedStep,
  failures: DropFailures,
): number {
  if (from === to) return 0;
  const { destroyed, failed } = actions.destroy(targets, from, to);
  for (const { index, errno } of failed) {
    const { cookie } = targets.at(index);
    if (errno === "ENOENT") failures.vanished.add(cookie);
    else failures.add(planned, errno, planned.group.socket, cookie);
  }
  return destroyed;
}

/**
 * A socket that its program disconnects and makes listen keeps its cookie, and the request for the connection would find the listener. What
 * no program holds cannot become one.
 */
export function listenerCookies(host: Host): ReadonlySet<string | undefined> {
  const cookies = new Set<string | undefined>();
  dumpAll(host, { protocol: "tcp", states: maskOf("LISTEN") }, ({ cookie }) => cookies.add(cookie));
  return cookies;
}

export function addSocket(list: TargetList, { family, local, remote, cookie }: Socket): boolean {
  if (remote === undefined || cookie === undefined) return false;
  return list.add({
    family,
    local: { address: local.address, port: local.port },
    remote,
    interface: local.interface,
    cookie,
  });
}

export function lookAgain(host: Host, { protocol, family, local, remote, cookie }: Socket): Socket | undefined {
  if (remote === undefined || cookie === undefined) return undefined;
  return host.getSocket({ protocol, family, local, remote, cookie });
}

/** The exact get with these addresses would also find the listener that this very socket has become. */
export function isStillConnected(host: Host, socket: Socket): boolean {
  const now = lookAgain(host, socket);
  return now !== undefined && now.state !== "LISTEN" && now.state !== "BOUND";
}

/** Success is proven: what was ended is looked for once more. */
class Proof {
  readonly #host: Host;
  readonly #candidates: DropCandidates;
  readonly #lists = new Map<TargetList, { readonly to: number; readonly class: DropClass }>();
  readonly #sockets: Socket[] = [];
  readonly #shut: Socket[] = [];

  constructor(host: Host, candidates: DropCandidates) {
    this.#host = host;
    this.#candidates = candidates;
  }

  /** Of the list those before `to`. */
  expectGone(group: CandidateGroup, targets: TargetList, to: number): void {
    this.#lists.set(targets, { to, class: group.class });
  }

  expectEnded(socket: Socket, kind: "shutdown" | "reset"): void {
    (kind === "shutdown" ? this.#shut : this.#sockets).push(socket);
  }

  /** `gone` counts all that are not there, also those that were gone before their turn came. */
  look(failures: DropFailures): { readonly gone: number; readonly closing: number; readonly still: DropFailure[] } {
    const left: Socket[] = [];
    let [gone, closing] = [0, 0];
    for (const [targets, { to, class: kind }] of this.#lists) {
      const still = to > MOST_LOOKED_AT ? this.#leftInDump(targets, to, kind) : this.#leftOneByOne(targets, to);
      gone += to - still.length;
      left.push(...still);
    }
    for (const socket of this.#sockets) {
      if (isStillConnected(this.#host, socket)) left.push(socket);
      else gone++;
    }
    for (const socket of this.#shut) {
      const now = lookAgain(this.#host, socket);
      if (now === undefined) gone++;
      else if (now.state === "ESTABLISHED" || now.state === "CLOSE-WAIT") left.push(now);
      else closing++;
    }
    // Who is not answered finds nothing either.
    const silent = this.#whySilent();
    if (silent !== undefined) return { gone: 0, closing: 0, still: this.#unseen(gone + closing, silent) };
    const unexplained = left.filter(({ cookie }) => cookie === undefined || !failures.cookies.has(cookie));
    const denied = unexplained.filter(({ cookie }) => cookie !== undefined && failures.vanished.has(cookie));
    const unchanged = unexplained.filter((socket) => !denied.includes(socket));
    return {
      gone,
      closing,
      still: [
        ...this.#stillThere(unchanged, "the kernel answered with success"),
        ...this.#stillThere(denied, "the kernel answered that there is no such socket (ENOENT)"),
      ],
    };
  }

  #stillThere(sockets: readonly Socket[], though: string): DropFailure[] {
    const [first] = sockets;
    const count = sockets.length;
    if (first === undefined) return [];
    const text = `${count === 1 ? "it is" : `${count} of them are`} still there, though ${though}`;
    return [{ count, socket: first, text }];
  }

  #whySilent(): string | undefined {
    const { failed } = dumpAll(this.#host, { protocol: "tcp", states: maskOf("LISTEN") }, () => undefined);
    return failed.find(({ family }) => family === "ipv4")?.errno;
  }

  #unseen(count: number, errno: string): DropFailure[] {
    const [first] = this.#candidates.groups;
    if (count === 0 || first === undefined) return [];
    const text = `whether ${count === 1 ? "it is" : "they are"} gone could not be seen: the kernel answered ${errno}`;
    return [{ count, socket: first.socket, errno, text }];
  }

  #leftOneByOne(targets: TargetList, to: number): Socket[] {
    const left: Socket[] = [];
    for (let index = 0; index < to; index++) {
      const { interface: device, local, ...id } = targets.at(index);
      const near = device === undefined ? local : { ...local, interface: device };
      const now = this.#host.getSocket({ protocol: "tcp", local: near, ...id });
      if (now !== undefined && now.state !== "LISTEN") left.push(now);
    }
    return left;
  }

  #leftInDump(targets: TargetList, to: number, kind: DropClass): Socket[] {
    const left: Socket[] = [];
    eachPlace(this.#host, proofRequest(this.#candidates.request, kind), (batch, index) => {
      if (batch.stateAt(index) !== "LISTEN" && targets.has(batch, index)) left.push(batch.socketAt(index));
    });
    if (to === targets.length || left.length === 0) return left;
    // After an interruption: those whose turn did not come are no failures.
    const tried = new Set(Array.from({ length: to }, (_, index) => targets.at(index).cookie));
    return left.filter(({ cookie }) => cookie !== undefined && tried.has(cookie));
  }
}

/** A TIME-WAIT stays one; anything else may have moved on to a state that the filter does not name. */
function proofRequest(request: ListRequest, kind: DropClass): ListRequest {
  const { filter, states } = request;
  const narrowed = kind === "time-wait" && filter !== undefined && states !== undefined;
  const { protocols, owners, details } = request;
  return { protocols, owners, details, anyOrder: true, ...(narrowed ? { filter, states } : {}) };
}
