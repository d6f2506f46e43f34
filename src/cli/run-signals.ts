/**
 * Signals that reach `run` are the program's. The two are in one process group, so that what a terminal sends (Ctrl-C, Ctrl-\, a new window
 * size, Ctrl-Z) has reached the program already, and is not sent again.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Keeper } from "../keep/keep.ts";

/** Passed on as they are. */
const PASSED: readonly NodeJS.Signals[] = ["SIGUSR1", "SIGUSR2"];

export interface PassedSignals {
  /** The one with which the end was asked for; undefined: it was not. */
  readonly endAsked: () => NodeJS.Signals | undefined;
  readonly leaveOff: () => void;
}

/** From now on. */
export function passSignals(keeper: Keeper): PassedSignals {
  let endAsked: NodeJS.Signals | undefined;
  // Whoever waits for the keeper hears of what goes wrong.
  const stop = (name: NodeJS.Signals): void => {
    endAsked = name;
    void keeper.stop(name).catch(() => undefined);
  };
  const hadTerminal = hasTerminal();
  const handlers: [NodeJS.Signals, () => void][] = PASSED.map((name) => [name, () => void keeper.signal(name)]);
  for (const name of ["SIGINT", "SIGQUIT"] as const)
    handlers.push([
      name,
      () => {
        endAsked = name;
        keeper.expectEnd();
        if (!isInForeground(keeper.pid)) keeper.signal(name);
      },
    ]);
  handlers.push(["SIGWINCH", () => void (isInForeground(keeper.pid) || keeper.signal("SIGWINCH"))]);
  handlers.push(["SIGTERM", () => stop("SIGTERM")]);
  // Of a terminal that went away, or of somebody who wants a new program.
  handlers.push(["SIGHUP", () => void (hadTerminal && !hasTerminal() ? stop("SIGHUP") : keeper.reload())]);
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    endAsked: () => endAsked,
    leaveOff: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}

/** A hangup takes it from every process of the session (__tty_hangup() in drivers/tty/tty_io.c). */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/**
 * Has the terminal sent it to the program as well? Not to one that went into the background, whose group is its own. proc_pid_stat(5): after the
 * name in parentheses come a blank, state, parent, process group, session, terminal, its foreground group.
 */
function isInForeground(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return false;
  }
  const [, , , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 1).split(" ");
  return group !== undefined && group === foreground;
}
