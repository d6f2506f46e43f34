/**
 * The sockets among a process' descriptors: /proc/PID/fd is a directory of links, and a socket's reads `socket:[INODE]` (sockfs_dname).
 * This is the hot loop of finding owners: one readlink(2) for each descriptor.
 */
import { readdirSync, statSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";
import type { SocketFds } from "../host.ts";
import type { ReadLink } from "./read-file.ts";
import { errnoOf, readLinkByFs, withoutStackTraces } from "./read-file.ts";
import type { ReadLowSockets } from "./read-link.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

const ENOENT = 2;
const ESRCH = 3;
const PREFIX = "socket:[";

export interface SocketFdsOptions {
  readonly roots?: SystemRoots;
  readonly readLink?: ReadLink;
  /** A faster way for the low descriptors, where there is one. */
  readonly readLowSockets?: ReadLowSockets;
  /** Only descriptors smaller than this, unless the process has no more than that many. */
  readonly below?: number;
  /** With `below`: those smaller than this have been looked at. */
  readonly from?: number;
}

/** A process that ends meanwhile is `ENOENT`; a single descriptor that was closed meanwhile is left out. */
export function readSocketFds(pid: number, options: SocketFdsOptions = {}): SocketFds {
  const directory = `${(options.roots ?? SYSTEM_ROOTS).proc}/${pid}/fd`;
  const readLink = options.readLink ?? readLinkByFs;
  const { below, from = 0 } = options;
  return withoutStackTraces(() => {
    if (below !== undefined && sizeOf(directory) > below)
      return options.readLowSockets === undefined
        ? readNumbered(directory, from, below, readLink)
        : readLow(directory, from, below, options.readLowSockets);
    return readListed(directory, below, readLink);
  });
}

/** All that the directory lists; where the kernel told no size (before 6.2), `below` is applied to the list. */
function readListed(directory: string, below: number | undefined, readLink: ReadLink): SocketFds {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    return { errno: errnoOf(error) };
  }
  const whole = below === undefined || names.length <= below;
  return readLinks(directory, whole ? names : names.filter((name) => Number(name) < below), whole, readLink);
}

/** The lowest ones by number: listing a directory of 15 000 descriptors costs 16 ms, trying 64 names 0.3 ms. */
function readNumbered(directory: string, from: number, below: number, readLink: ReadLink): SocketFds {
  return readLinks(
    directory,
    Array.from({ length: below - from }, (_, at) => String(from + at)),
    false,
    readLink,
  );
}

function readLow(directory: string, from: number, below: number, readLowSockets: ReadLowSockets): SocketFds {
  const fds = readLowSockets(directory, from, below);
  if (typeof fds !== "number") return { fds, complete: false };
  if (fds !== ENOENT) return { errno: fds === ESRCH ? "ENOENT" : errnoName(fds) };
  // None of the low ones is there, or the process is not.
  return statSync(directory, { throwIfNoEntry: false }) === undefined
    ? { errno: "ENOENT" }
    : { fds: [], complete: false };
}

function readLinks(directory: string, names: readonly string[], complete: boolean, readLink: ReadLink): SocketFds {
  const fds: { readonly fd: number; readonly inode: number }[] = [];
  let missing = false;
  for (const name of names) {
    const link = readLink(`${directory}/${name}`);
    if (typeof link === "number") {
      if (link !== ENOENT) return { errno: link === ESRCH ? "ENOENT" : errnoName(link) };
      missing = true;
    } else if (link.startsWith(PREFIX)) {
      fds.push({ fd: Number(name), inode: Number(link.slice(PREFIX.length, -1)) });
    }
  }
  // The descriptors of a process that is gone are all missing: that is not "no sockets".
  if (missing && statSync(directory, { throwIfNoEntry: false }) === undefined) return { errno: "ENOENT" };
  return { fds, complete };
}

function sizeOf(directory: string): number {
  try {
    return statSync(directory, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}
