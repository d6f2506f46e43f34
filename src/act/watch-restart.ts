/** Whoever starts programs again does so at once, or nearly: it is looked for a moment whether the port stays free. */
import type { Host } from "../host/host.ts";
import { dumpAll } from "../inspect/dump.ts";
import type { ProcessFamily } from "../inspect/process-family.ts";
import type { BindQuestion } from "../tcp/bind-snapshot.ts";
import type { ProcessNode, Supervisor } from "../tcp/process-node.ts";
import { maskOf } from "../tcp/states.ts";
import { readsCommands } from "../verdict/protected-processes.ts";
import { sleep } from "./sleep.ts";

export interface RestartWatch {
  readonly host: Host;
  readonly question: BindQuestion;
  /** As it was before anybody was asked to end. */
  readonly family: ProcessFamily;
  readonly supervisors: readonly Supervisor[];
  readonly ended: readonly ProcessNode[];
  readonly isFree: () => boolean;
  readonly signal: AbortSignal | undefined;
}

/** systemd and docker rest 100 ms before they start a service anew (RestartSec), pm2 not at all; the program itself takes what it takes. */
const KNOWN_MS = 2000;
/** A parent of which nothing is known: has it a new child by then? */
const UNKNOWN_MS = 150;
const STEP_MS = 10;

/** True: the port is taken again. */
export async function watchForRestart(watch: RestartWatch): Promise<boolean> {
  const { host, question, isFree, signal } = watch;
  const started = Date.now();
  const parents = watchedParents(watch);
  let limitMs = watch.supervisors.some(({ restarts }) => restarts !== "change")
    ? KNOWN_MS
    : parents.length > 0
      ? UNKNOWN_MS
      : 0;
  while (Date.now() - started < limitMs) {
    if (isTaken(host, question) && !isFree()) return true;
    if (limitMs < KNOWN_MS) {
      const alive = parents.filter(({ pid, startTicks }) => host.again().process(pid)?.startTicks === startTicks);
      if (alive.length === 0) return false;
      if (alive.some((parent) => hasNewChild(host, parent, watch.ended))) limitMs = KNOWN_MS;
    }
    try {
      await sleep(STEP_MS, signal);
    } catch {
      return false;
    }
  }
  return false;
}

/** Who started those that ended, and may do so again. Our own ancestors have us to wait for, and a shell that is typed at has a person. */
function watchedParents({ family, ended }: RestartWatch): ProcessNode[] {
  const spared = new Set([1, family.self.pid, ...family.self.ancestors, ...ended.map(({ pid }) => pid)]);
  const parents = new Set(ended.map(({ parentPid }) => parentPid));
  return [...parents].flatMap((pid) => {
    const node = spared.has(pid) ? undefined : family.nodes.get(pid);
    return node === undefined || readsCommands(node.args) ? [] : [node];
  });
}

function hasNewChild(host: Host, parent: ProcessNode, ended: readonly ProcessNode[]): boolean {
  const youngest = Math.max(...ended.map(({ startTicks }) => startTicks));
  const commands = new Set(ended.map(({ command }) => command));
  return (host.relatives(parent.pid) ?? []).some((pid) => {
    const child = host.again().process(pid);
    return child !== undefined && child.startTicks > youngest && commands.has(child.command);
  });
}

/** Without a bind, which could be in the way of the very program that comes back. */
function isTaken(host: Host, { protocol, port }: BindQuestion): boolean {
  let taken = false;
  const states = protocol === "udp" ? maskOf("BOUND", "ESTABLISHED") : maskOf("LISTEN");
  dumpAll(host, { protocol, states, localPort: port }, () => (taken = true));
  return taken;
}
