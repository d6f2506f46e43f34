/** readlink(2) without exceptions: an owner search asks for thousands of links, many of which are gone, and an exception costs ten calls. */
import { O_CLOEXEC, O_PATH } from "./constants.ts";
import type { Libc } from "./libc.ts";
import type { ReadLink } from "./read-file.ts";
import { readLinkByFs } from "./read-file.ts";

const MOST_BYTES = 256;

/** The text, or the errno's number. */
export function readLinkByLibc(libc: Libc | undefined): ReadLink {
  if (libc === undefined) return readLinkByFs;
  const target = Buffer.allocUnsafe(MOST_BYTES);
  return (path) => {
    const length = libc.readlink(path, target, MOST_BYTES);
    return length < 0 ? -length : target.toString("latin1", 0, length);
  };
}

/** The inodes of the sockets among the descriptors `from` to `below` of a process' /proc/PID/fd; ENOENT: none is there. Or an errno's number. */
export type ReadLowSockets = (directory: string, from: number, below: number) => LowSocket[] | number;

export interface LowSocket {
  readonly fd: number;
  readonly inode: number;
}

const ENOENT = 2;
const PREFIX = new TextEncoder().encode("socket:[");
const ZERO = 48;

/**
 * The hot loop of finding owners, by openat(2) and readlinkat(2): the way to the directory is gone once and not for each name, and what is no
 * socket is never made a string.
 */
export function readLowSocketsByLibc(libc: Libc): ReadLowSockets {
  const target = new Uint8Array(MOST_BYTES);
  const names: Uint8Array[] = [];
  return (directory, from, below) => {
    while (names.length < below) names.push(new TextEncoder().encode(`${names.length}\0`));
    const opened = libc.open(directory, O_PATH | O_CLOEXEC);
    if (opened < 0) return -opened;
    try {
      const found: LowSocket[] = [];
      let missing = 0;
      for (let fd = from; fd < below; fd++) {
        const length = libc.readlinkat(opened, names[fd]!, target, MOST_BYTES);
        if (length === -ENOENT) missing++;
        else if (length < 0) return -length;
        else if (isSocket(target)) found.push({ fd, inode: numberBefore(target, length - 1) });
      }
      return missing === below - from ? ENOENT : found;
    } finally {
      libc.close(opened);
    }
  };
}

function isSocket(target: Uint8Array): boolean {
  for (let at = 0; at < PREFIX.length; at++) if (target[at] !== PREFIX[at]) return false;
  return true;
}

function numberBefore(target: Uint8Array, end: number): number {
  let number = 0;
  for (let at = PREFIX.length; at < end; at++) number = number * 10 + target[at]! - ZERO;
  return number;
}
