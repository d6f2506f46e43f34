/** Does the text of a program have one of these words in it? Its file is read, and those of its arguments that are files: scripts. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { candidatesOf } from "./launcher-environment.ts";

/** Larger programs are read up to here. */
const MOST_BYTES = 256 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

export interface ProgramText {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export function programMentions(program: ProgramText, words: readonly string[]): boolean {
  const { command, args, cwd = ".", env = process.env } = program;
  const file = candidatesOf(command, env["PATH"]).find((path) => isFile(resolve(cwd, path)));
  const files = [...(file === undefined ? [] : [file]), ...args].map((path) => resolve(cwd, path));
  return files.some((path) => fileMentions(path, words));
}

function isFile(path: string): boolean {
  return withFile(path, () => true) ?? false;
}

function fileMentions(path: string, words: readonly string[]): boolean {
  const found = withFile(path, (fd) => {
    const overlap = Math.max(...words.map(({ length }) => length));
    const piece = Buffer.alloc(PIECE_BYTES + overlap);
    let kept = 0;
    for (let read = 0; read < MOST_BYTES;) {
      const count = readSync(fd, piece, kept, PIECE_BYTES, null);
      if (count === 0) return false;
      const text = piece.subarray(0, kept + count);
      if (words.some((word) => text.includes(word, 0, "latin1"))) return true;
      // A word may lie across two pieces.
      kept = Math.min(overlap, text.length);
      piece.copyWithin(0, text.length - kept, text.length);
      read += count;
    }
    return false;
  });
  return found ?? false;
}

/** Undefined: it is no file that can be read. */
function withFile<T>(path: string, use: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return fstatSync(fd).isFile() ? use(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
