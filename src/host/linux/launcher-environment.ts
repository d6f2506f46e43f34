/** What a program is handed at its start: its file, its environment, its limit of descriptors, as its keeper was handed them. */
import { readText } from "./read-file.ts";
import { readFileSync } from "node:fs";
import { latin1Of } from "./launcher-messages.ts";

/** Where execvp(3) looks when PATH is not set (confstr(_CS_PATH)). */
const DEFAULT_PATH = "/bin:/usr/bin";

/** The files to try for a command, in order; a name with a slash is a path. */
export function candidatesOf(command: string, path: string | undefined): readonly string[] {
  if (command.includes("/")) return [command];
  return (path ?? DEFAULT_PATH).split(":").map((folder) => (folder === "" ? command : `${folder}/${command}`));
}

/**
 * Variables as execve(2) takes them, Latin-1 for bytes. What this process was started with goes on byte by byte: process.env has read it as
 * UTF-8, and what is none would come out changed.
 */
export function environmentOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const asStarted = new Map(
    readOwnEnvironment().map((entry) => [Buffer.from(entry, "latin1").toString("utf8"), entry] as const),
  );
  return Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [asStarted.get(`${name}=${value}`) ?? latin1Of(`${name}=${value}`)],
  );
}

function readOwnEnvironment(): readonly string[] {
  try {
    return readFileSync("/proc/self/environ", "latin1").split("\0");
  } catch {
    return [];
  }
}

const OPEN_FILES = /^Max open files +(\d+|unlimited) +(\d+|unlimited)/m;

/**
 * The soft limit of descriptors before Node raised it to the hard one at its start. Nobody remembers that but the process that started this
 * one, whose limit this one had, unless it set another for its child: then the hard limits mostly differ, and nothing is known.
 */
export function softNofileBefore(
  own: string | undefined = readText("/proc/self/limits"),
  parent: string | undefined = readText(`/proc/${process.ppid}/limits`),
): number | undefined {
  const ours = OPEN_FILES.exec(own ?? "");
  const theirs = OPEN_FILES.exec(parent ?? "");
  if (ours === null || theirs === null) return undefined;
  const [, soft, hard] = ours;
  if (soft !== hard || theirs[2] !== hard || theirs[1] === hard || theirs[1] === "unlimited") return undefined;
  return Number(theirs[1]);
}
