/**
 * Ends what a run started: programs first, so that they can end their workers themselves; then what is left below them. Each is held by a pidfd
 * that was compared with its start time, from before its first signal to the end.
 */
import { sleep } from "../act/sleep.ts";
import type { HostActions, ProcessHandle } from "../host/actions.ts";
import type { Host } from "../host/host.ts";
import { gatherDescendants } from "../inspect/descendants.ts";
import type { RunProcess } from "../tcp/run-record.ts";
import type { SignalName } from "../tcp/signals.ts";

export interface RunEndingTools {
  readonly host: Host;
  readonly actions: HostActions;
  readonly signal?: AbortSignal;
  readonly onWaiting?: (waitedMs: number, limitMs: number) => void;
}

export type RunEnding =
  | { readonly result: "ended"; readonly asked: boolean; readonly killed: boolean }
  /** `errno`: a signal was refused. */
  | { readonly result: "failed" | "interrupted"; readonly left: readonly number[]; readonly errno?: string };

/** What is killed is gone within milliseconds, unless it sleeps in the kernel where no signal reaches it. */
export const KILL_MS = 3000;
const FIRST_STEP_MS = 1;
const LONGEST_STEP_MS = 25;
const STATE_LOOK_MS = 200;
/** Who forks faster than it is killed is killed again. */
const MOST_ROUNDS = 5;

/** `others`: what is below the programs is found here; what else is known to be of the run is named. */
export async function endProcessesOfRun(
  programs: readonly RunProcess[],
  others: readonly RunProcess[],
  graceMs: number,
  tools: RunEndingTools,
): Promise<RunEnding> {
  const group = new ProcessGroup(tools);
  try {
    const roots = programs.flatMap((one) => group.add(one) ?? []);
    for (const one of others) group.add(one);
    group.addDescendants();
    for (const one of roots) one.send("SIGTERM");
    await group.wait(roots, graceMs);
    if (isAborted(tools)) return group.ending("interrupted");
    group.addDescendants();
    for (const one of group.living()) if (!one.wasAsked) one.send("SIGTERM");
    await group.wait(
      group.living().filter((one) => !roots.includes(one)),
      graceMs,
    );
    if (isAborted(tools)) return group.ending("interrupted");
    for (let round = 0; round < MOST_ROUNDS; round++) {
      group.addDescendants();
      const living = group.living();
      if (living.length === 0) break;
      for (const one of living) one.send("SIGKILL");
      await group.wait(living, KILL_MS);
    }
    return group.ending("failed");
  } finally {
    group.close();
  }
}

function isAborted({ signal }: RunEndingTools): boolean {
  return signal?.aborted === true;
}

/** Waits until they have ended. Who is stopped hears nothing but SIGKILL: it is let go on, to hear what it was sent. */
export async function waitUntilEnded(
  members: readonly Member[],
  limitMs: number,
  { host, signal, onWaiting }: Omit<RunEndingTools, "actions">,
): Promise<void> {
  const started = performance.now();
  let stepMs = FIRST_STEP_MS;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const waiting = members.filter((one) => !one.hasEnded());
    const waitedMs = performance.now() - started;
    if (waiting.length === 0 || signal?.aborted === true || waitedMs >= limitMs) return;
    if (waitedMs - lookedAtMs >= STATE_LOOK_MS) {
      lookedAtMs = waitedMs;
      for (const one of waiting) if (one.wasAsked && host.process(one.pid)?.state === "T") one.send("SIGCONT");
    }
    onWaiting?.(waitedMs, limitMs);
    await sleep(Math.min(stepMs, limitMs - waitedMs), signal).catch(() => undefined);
    stepMs = Math.min(stepMs * 1.5, LONGEST_STEP_MS);
  }
}

/** A process that is held. */
export class Member {
  readonly identity: RunProcess;
  readonly #handle: ProcessHandle;
  wasAsked = false;
  wasKilled = false;
  errno: string | undefined;

  private constructor(identity: RunProcess, handle: ProcessHandle) {
    this.identity = identity;
    this.#handle = handle;
  }

  /** Undefined: it has ended, whoever has its number now. */
  static hold(actions: HostActions, identity: RunProcess): Member | undefined {
    const handle = actions.openProcess(identity);
    return "errno" in handle ? undefined : new Member(identity, handle);
  }

  get pid(): number {
    return this.identity.pid;
  }

  send(name: SignalName): void {
    const answer = this.#handle.signal(name);
    if (answer === "ok") {
      this.wasAsked = true;
      if (name === "SIGKILL") this.wasKilled = true;
    } else if (answer !== "ESRCH") this.errno = answer;
  }

  hasEnded(): boolean {
    return this.#handle.hasEnded();
  }

  close(): void {
    this.#handle.close();
  }
}

class ProcessGroup {
  readonly #tools: RunEndingTools;
  readonly #members = new Map<string, Member>();
  readonly #selfPid: number;

  constructor(tools: RunEndingTools) {
    this.#tools = tools;
    this.#selfPid = tools.host.system().pid;
  }

  add(identity: RunProcess): Member | undefined {
    // Whoever asks for it can be below the program itself: it ends last, by itself.
    if (identity.pid <= 1 || identity.pid === this.#selfPid) return undefined;
    const key = `${identity.pid} ${identity.startTicks}`;
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    const member = Member.hold(this.#tools.actions, identity);
    if (member !== undefined) this.#members.set(key, member);
    return member;
  }

  addDescendants(): void {
    for (const { pid, startTicks } of gatherDescendants(
      this.#tools.host,
      this.living().map(({ identity }) => identity),
    ))
      this.add({ pid, startTicks });
  }

  living(): Member[] {
    return [...this.#members.values()].filter((one) => !one.hasEnded());
  }

  wait(members: readonly Member[], limitMs: number): Promise<void> {
    // Who may not be signalled does not end for our sake.
    return waitUntilEnded(
      members.filter(({ errno }) => errno === undefined),
      limitMs,
      this.#tools,
    );
  }

  ending(otherwise: "failed" | "interrupted"): RunEnding {
    const left = this.living();
    if (left.length === 0) {
      const all = [...this.#members.values()];
      return {
        result: "ended",
        asked: all.some((one) => one.wasAsked),
        killed: all.some((one) => one.wasKilled),
      };
    }
    const errno = left.find((one) => one.errno !== undefined)?.errno;
    return { result: otherwise, left: left.map(({ pid }) => pid), ...(errno === undefined ? {} : { errno }) };
  }

  close(): void {
    for (const one of this.#members.values()) one.close();
  }
}
