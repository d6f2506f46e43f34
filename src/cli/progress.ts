/** What is going on, on the terminal of whoever waits for more than a second. On stderr, one line that is written over and then taken away. */
import { fstatSync } from "node:fs";
import type { Progress } from "../inspect/progress.ts";
import { countText, durationText } from "../base/duration.ts";
import { writeError } from "./output.ts";

const AFTER_MS = 1000;
const EVERY_MS = 200;

export interface ProgressLine {
  readonly report: Progress;
  /** Between two looks: how long it still takes. */
  readonly countDown: (remainingMs: number) => void;
  /** The same for anything else: the text is made only when it is shown. */
  readonly say: (text: () => string) => void;
  /** Before anything else is written. */
  readonly clear: () => void;
}

export interface Surroundings {
  readonly now: () => number;
  readonly isTerminal: () => boolean;
  readonly write: (text: string) => void;
}

/** `wanted`: not with --quiet. Whether there is a terminal is looked at only once there is something to show. */
export function createProgressLine(wanted: boolean, { now, isTerminal, write }: Surroundings = HERE): ProgressLine {
  let next = now() + AFTER_MS;
  let shown = false;
  let terminal: boolean | undefined;
  const show = (text: string): void => {
    terminal ??= isTerminal();
    if (!terminal) return;
    write(`\r\u001b[K${text}`);
    shown = true;
  };
  const say = (text: () => string): void => {
    if (!wanted || now() < next) return;
    next = now() + EVERY_MS;
    show(text());
  };
  return {
    report: (done, what) => say(() => `reading: ${countText(done)} ${what}`),
    say,
    countDown: (remainingMs) => {
      if (wanted) show(`looking again in ${durationText(Math.ceil(remainingMs / 1000) * 1000)}`);
      next = now() + AFTER_MS;
    },
    clear: () => {
      if (shown) write("\r\u001b[K");
      shown = false;
    },
  };
}

/** Date.now(): `performance` is loaded when it is first touched, 2 ms. */
const HERE: Surroundings = { now: Date.now, isTerminal: stderrIsTerminal, write: writeError };

/** process.stderr loads node:tty, which is no loss after a second. */
function stderrIsTerminal(): boolean {
  try {
    return fstatSync(2).isCharacterDevice() && process.stderr.isTTY;
  } catch {
    return false;
  }
}
