/** The number of the network namespace behind a link like /proc/PID/ns/net, whose text is `net:[4026531840]` (namespaces(7)). */
import type { ReadLink } from "./read-file.ts";

/** Undefined where the link cannot be read (that needs the right to ptrace the process), or leads to something else. */
export function readNetnsInode(path: string, readLink: ReadLink): number | undefined {
  const text = readLink(path);
  const match = typeof text === "string" ? /^net:\[(\d{1,15})\]$/.exec(text) : null;
  return match === null ? undefined : Number(match[1]);
}
