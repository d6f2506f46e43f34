/** A command on a terminal of its own, made by test/programs/terminal.py: its keys, its window size, its end. Needs `HAS_PYTHON`. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import type { Writable } from "node:stream";
import { PYTHON } from "./needs.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

export interface OnPty {
  /** All that was on the screen. */
  readonly text: () => string;
  readonly screen: (pattern: RegExp) => Promise<true>;
  readonly type: (text: string) => void;
  readonly resize: (rows: number, columns: number) => void;
  /** The other end of the terminal is closed. */
  readonly hangUp: () => void;
  /** The command's exit status, 128+n after a signal. */
  readonly ended: Promise<number | undefined>;
}

export function startOnPty(s: Story, words: readonly string[]): OnPty {
  const child = spawn(PYTHON, [programFile(import.meta.dirname), ...words], {
    stdio: ["pipe", "pipe", "inherit", "pipe"],
    env: { ...process.env, NO_COLOR: "1", TERM: "dumb" },
  });
  s.atEnd(() => child.kill("SIGKILL"));
  let seen = "";
  child.stdout?.setEncoding("utf8").on("data", (piece: string) => (seen += piece));
  child.stdin?.on("error", () => undefined);
  const sizes = child.stdio[3] as Writable;
  sizes.on("error", () => undefined);
  return {
    text: () => seen,
    screen: (pattern) =>
      until(`${pattern} on the terminal`, () => pattern.test(seen) || undefined, 20_000).catch((error: Error) => {
        throw new Error(`${error.message}; there was:\n${seen}`);
      }),
    type: (text) => void child.stdin?.write(text),
    resize: (rows, columns) => void sizes.write(`${rows} ${columns}\n`),
    hangUp: () => void child.stdin?.end(),
    ended: new Promise((resolve) => child.on("close", (status) => resolve(status ?? undefined))),
  };
}

function programFile(here: string): string {
  const file = join(here, "test/programs/terminal.py");
  return existsSync(file) ? file : programFile(dirname(here));
}
