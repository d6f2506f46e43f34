/**
 * The way out. Written straight to the descriptors: a pipe is then never cut short by an early exit, and process.stdout (which loads
 * node:tty and node:net) is not needed. A reader that went away (`| head -1`) ends the program quietly, as it ends `ls`.
 */
import { fstatSync, writeSync } from "node:fs";
import { PortmortemError } from "../base/errors.ts";

export class ClosedPipe extends Error {}

export function writeOut(text: string): void {
  writeAll(1, text);
}

export function writeError(text: string): void {
  try {
    writeAll(2, text);
  } catch (error) {
    if (!(error instanceof ClosedPipe)) throw error;
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The other end of a pipe in non-blocking mode reads slowly: there is nothing to do but wait for it.
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
      else if (code === "EPIPE") throw new ClosedPipe();
      else
        throw new PortmortemError(
          "PM_OUTPUT",
          `writing the output failed: ${code ?? String(error)}`,
          code === undefined ? {} : { errno: code },
        );
    }
  }
}

/** Collects small pieces, so that a hundred thousand of them are not a hundred thousand system calls. */
export class OutputBuffer {
  #text = "";

  write(text: string): void {
    this.#text += text;
    if (this.#text.length > 65_536) this.flush();
  }

  flush(): void {
    if (this.#text !== "") writeOut(this.#text);
    this.#text = "";
  }
}

/** Is this descriptor a terminal? Only a character device can be one, and only then node:tty is loaded to ask. */
export async function isTerminal(fd: number): Promise<boolean> {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  const { isatty } = await import("node:tty");
  return isatty(fd);
}

export async function terminalWidth(): Promise<number | undefined> {
  if (!(await isTerminal(1))) return undefined;
  const columns = process.stdout.columns;
  return columns > 0 ? columns : 80;
}
