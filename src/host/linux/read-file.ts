/**
 * Files of procfs and the like, without exceptions for the caller. They have no size before they are read (st_size is 0), so that reading
 * goes on until nothing comes: readFileSync would do the same, with a fresh buffer each time.
 */
import { closeSync, openSync, readSync, readdirSync, readlinkSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";

/** The text of a link, or the errno as a positive number. The fast one is a plain readlink(2) through FFI. */
export type ReadLink = (path: string) => string | number;

let shared: Buffer | undefined;

/** The file's text (UTF-8), or undefined for any failure. */
export function readText(path: string): string | undefined {
  const answer = readTextOrErrno(path);
  return "text" in answer ? answer.text : undefined;
}

/** `mostBytes`: a longer file is a failure (EFBIG), so that no file can fill the memory. */
export function readTextOrErrno(
  path: string,
  mostBytes = 16 << 20,
): { readonly text: string } | { readonly errno: string } {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    return { errno: errnoOf(error) };
  }
  try {
    return readAll(fd, mostBytes);
  } catch (error) {
    return { errno: errnoOf(error) };
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, mostBytes: number): { readonly text: string } | { readonly errno: string } {
  const buffer = (shared ??= Buffer.allocUnsafeSlow(65_536));
  const pieces: Buffer[] = [];
  let total = 0;
  let filled = 0;
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, null);
    if (count === 0) break;
    filled += count;
    total += count;
    if (total > mostBytes) return { errno: "EFBIG" };
    if (filled < buffer.length) continue;
    pieces.push(Buffer.from(buffer));
    filled = 0;
  }
  if (pieces.length === 0) return { text: buffer.toString("utf8", 0, filled) };
  return { text: Buffer.concat([...pieces, buffer.subarray(0, filled)]).toString("utf8") };
}

/** The readlink(2) of Node's own fs: an exception for each failure, which costs about 10 µs. */
export function readLinkByFs(path: string): string | number {
  try {
    return readlinkSync(path);
  } catch (error) {
    return errnoNumberOf(error);
  }
}

/** The names in a folder of /proc that are numbers; none where it may not be read. */
export function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** The kernel's answer in an exception of node:fs, by name. */
export function errnoOf(error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  return code ?? (errno === undefined ? "EIO" : errnoName(-errno));
}

export function errnoNumberOf(error: unknown): number {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? 5 : -errno;
}

/** Runs something that may fail thousands of times: exceptions without stack traces cost half. */
export function withoutStackTraces<T>(run: () => T): T {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = before;
  }
}
