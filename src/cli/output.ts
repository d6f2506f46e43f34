/**
 * The way out. Written straight to the descriptors: a pipe is then never cut short by an early exit, and process.stdout (which loads
 * node:tty and node:net) is not needed. A reader that went away (`| head -1`) ends the program quietly, as it ends `ls`.
 */
import { fstatSync, writeSync } from "node:fs";
import { PortmortemError } from "../base/errors.ts";
import { ByteText } from "../render/byte-text.ts";

/** Where there is no terminal, paragraphs are as wide as this. */
export const PIPE_WIDTH = 100;

/** The major number of /dev/null and its kin (drivers/char/mem.c). */
const MEMORY_DEVICES = 1;
const FULL_BYTES = 65_536;

export class ClosedPipe extends Error {}

export function writeOut(text: string): void {
  writeAll(1, Buffer.from(text, "utf8"));
}

export function writeError(text: string): void {
  try {
    writeAll(2, Buffer.from(text, "utf8"));
  } catch (error) {
    if (!(error instanceof ClosedPipe)) throw error;
  }
}

/** What is said of work that is done. A terminal or a reader that went away is no reason to fail: nobody is there to be told. */
export function sayIfHeard(write: () => void): void {
  try {
    write();
  } catch (error) {
    const gone = error instanceof ClosedPipe || (error as { readonly errno?: unknown }).errno === "EIO";
    if (!gone) throw error;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
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
  /** Whoever writes here himself calls `flushIfFull` from time to time. */
  readonly bytes = new ByteText(2 * FULL_BYTES);

  write(text: string): void {
    this.bytes.text(text);
    this.flushIfFull();
  }

  flushIfFull(): void {
    if (this.bytes.length > FULL_BYTES) this.flush();
  }

  flush(): void {
    writeAll(1, this.bytes.written);
    this.bytes.clear();
  }
}

/**
 * Is this descriptor a terminal? Only a character device can be one, and only then node:tty is loaded to ask: with node:net and the streams
 * below it that takes 8 ms, as much as a short command by itself.
 */
export async function isTerminal(fd: number): Promise<boolean> {
  try {
    const stats = fstatSync(fd);
    if (!stats.isCharacterDevice() || stats.rdev >>> 8 === MEMORY_DEVICES) return false;
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
