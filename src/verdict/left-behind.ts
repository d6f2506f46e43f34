/** What no program holds and what is in the way all the same: when it ends by itself, and whether it can be cleared. Pure. */
import { olderThan } from "../base/kernel-release.ts";
import type { BindSettings } from "../tcp/bind-snapshot.ts";
import { ORPHANS_SINCE, TIME_WAIT_SINCE } from "../tcp/sock-destroy.ts";
import type { Advice, Blocker } from "./why.ts";

export function isLeftBehind({ rule, socket }: Blocker): boolean {
  return rule === "time-wait" || rule === "orphan" || (rule === "fin-wait-2" && socket?.inode === undefined);
}

/** When the last of these ends by itself; undefined where one does not, or nobody knows when. */
export function endsInMs(blockers: readonly Blocker[]): number | undefined {
  const times = blockers.map(({ freeInMs }) => freeInMs ?? Number.NaN);
  const last = Math.max(...times);
  return times.length === 0 || Number.isNaN(last) ? undefined : last;
}

/** "wait 47 s: it ends by itself", of blockers that all do. */
export function waitText(blockers: readonly Blocker[], lastMs: number): string {
  const many = blockers.reduce((sum, { count }) => sum + count, 0) > 1;
  // The peer's FIN makes a TIME-WAIT of it, which starts anew (tcp_timewait_state_process).
  const unless = blockers.some(({ rule }) => rule === "fin-wait-2")
    ? ", unless the other side closes: then a TIME-WAIT of 60 s follows"
    : "";
  return `wait ${seconds(lastMs)} s: ${many ? "the last of them ends" : "it ends"} by itself${unless}`;
}

export function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** How the clearing of these is advised, alone. */
export function clearText(blockers: readonly Blocker[]): string {
  if (blockers.some(({ rule }) => rule !== "time-wait")) return "clear what no program holds";
  const many = blockers.reduce((sum, { count }) => sum + count, 0) > 1;
  const what = many ? "clear the TIME-WAITs: nobody holds them" : "clear the TIME-WAIT: nobody holds it";
  return `${what}, and nothing is lost unless ${many ? "their" : "its"} last packets are still on the way`;
}

/** What an orphan has not delivered is lost with it. */
export function clearCosts(blockers: readonly Blocker[]): Advice["costs"] {
  return blockers.some(({ rule }) => rule === "orphan") ? "data" : "nothing";
}

/** Why this cannot be cleared on this machine, whoever asks; undefined where it can. */
export function whyNotCleared(
  { rule, socket }: Blocker,
  { kernelRelease, kernelDestroys }: BindSettings,
): string | undefined {
  if (kernelDestroys === false) return "this kernel cannot (built without CONFIG_INET_DIAG_DESTROY)";
  // In FIN-WAIT-2 it is the timewait minisock, as a TIME-WAIT, or a whole socket without an owner, as any other orphan.
  const isMinisock = rule === "time-wait" || (rule === "fin-wait-2" && socket?.timer?.kind === "time-wait");
  const [major, minor] = isMinisock ? TIME_WAIT_SINCE : ORPHANS_SINCE;
  return olderThan(kernelRelease, major, minor)
    ? `Linux ${kernelRelease} cannot, ${major}.${minor} and later can`
    : undefined;
}
