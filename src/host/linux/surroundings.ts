/**
 * Where a process stands: whom it was started by, on which terminal, in which directory. Facts only; a service of systemd and a program that
 * was left behind can have the same parent.
 */
import { statSync } from "node:fs";
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import type { Surroundings } from "../host.ts";
import type { ReadLink } from "./read-file.ts";
import { readText } from "./read-file.ts";

const DELETED = " (deleted)";
const STANDARD_STREAMS = [0, 1, 2];

/** What stands in the root of a tree of sources. */
const SOURCE_MARKS = [
  ".git",
  "package.json",
  "Cargo.toml",
  "go.mod",
  "pyproject.toml",
  "Makefile",
  "pom.xml",
  "Gemfile",
];
const MOST_LEVELS = 6;
/** A mark in one of these says nothing: half a machine lies below it. */
const TOO_HIGH = /^\/(?:root|tmp|srv|opt|usr|var|home(?:\/[^/]+)?)?$/;

/** Undefined when the process is gone. What this user may not see is left out: links need the right to ptrace. */
export function readSurroundings(pid: number, readLink: ReadLink, proc = "/proc"): Surroundings | undefined {
  const stat = parseProcessStat(readText(`${proc}/${pid}/stat`) ?? "");
  if (stat === undefined) return undefined;
  const directory = linkOf(`${proc}/${pid}/cwd`, readLink);
  const executable = linkOf(`${proc}/${pid}/exe`, readLink);
  const terminal = stat.terminal === 0 ? terminalOfStreams(pid, readLink, proc) : "controlling";
  const adopted = isAdopted(stat, proc);
  const sourceTree = directory === undefined || directory.gone ? undefined : findSourceTree(pid, directory.path, proc);
  return {
    parentPid: stat.parentPid,
    ...(adopted === undefined ? {} : { adopted }),
    // Its number stays taken while a session of it lives (alloc_pid): a process that has it is the leader.
    sessionLeaderGone: stat.sessionId !== 0 && !isThere(`${proc}/${stat.sessionId}`),
    ...(terminal === undefined ? {} : { terminal }),
    ...(directory === undefined ? {} : { directory: directory.path, directoryGone: directory.gone }),
    ...(executable === undefined ? {} : { executable: executable.path, executableGone: executable.gone }),
    ...(sourceTree === undefined ? {} : { sourceTree }),
  };
}

/**
 * Who is not the leader of its session got it from the process that started it. A parent in another session is not that process: it adopted
 * this one when the other ended (find_new_reaper() in kernel/exit.c). A leader's own session tells nothing.
 */
function isAdopted(
  { pid, parentPid, sessionId }: { readonly pid: number; readonly parentPid: number; readonly sessionId: number },
  proc: string,
): boolean | undefined {
  if (sessionId === pid || sessionId === 0) return undefined;
  const parent = parseProcessStat(readText(`${proc}/${parentPid}/stat`) ?? "");
  return parent === undefined ? undefined : parent.sessionId !== sessionId;
}

/** Without a controlling terminal: are its streams one that is gone? When the last end of it is closed, devpts unlinks it. */
function terminalOfStreams(pid: number, readLink: ReadLink, proc: string): "gone" | "none" | undefined {
  const links = STANDARD_STREAMS.map((fd) => readLink(`${proc}/${pid}/fd/${fd}`));
  if (links.some((link) => typeof link === "string" && /^\/dev\/(?:pts\/\d+|tty\w+) \(deleted\)$/.test(link)))
    return "gone";
  // A stream that is closed is ENOENT; EACCES says that nothing may be looked at.
  return links.every((link) => link === EACCES || link === EPERM) ? undefined : "none";
}

const EPERM = 1;
const EACCES = 13;

function linkOf(path: string, readLink: ReadLink): { readonly path: string; readonly gone: boolean } | undefined {
  const link = readLink(path);
  if (typeof link !== "string") return undefined;
  // A name may end so by itself: then it is there.
  const gone = link.endsWith(DELETED) && !isThere(link);
  return { path: gone ? link.slice(0, -DELETED.length) : link, gone };
}

/** Looked at through the link, so that it is the process' own tree: in a container, paths mean other directories. */
function findSourceTree(pid: number, directory: string, proc: string): string | undefined {
  const parts = directory.split("/");
  for (let up = 0; up <= MOST_LEVELS && up < parts.length - 1; up++) {
    const root = parts.slice(0, parts.length - up).join("/");
    if (TOO_HIGH.test(root)) return undefined;
    const place = `${proc}/${pid}/cwd${"/..".repeat(up)}`;
    if (SOURCE_MARKS.some((mark) => isThere(`${place}/${mark}`))) return root;
  }
  return undefined;
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
