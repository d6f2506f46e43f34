/**
 * The folder of the records. What stands there decides which processes get a signal, so nobody else may be able to write to it: a folder of
 * another user, a link or one that others may write to is refused, as in /tmp anybody can have made it first.
 */
import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PortmortemError } from "../../base/errors.ts";
import { errnoOf } from "./read-file.ts";

const OTHERS_WRITE = 0o022;
/** There is none, or none may be made: the next place is tried. */
const CANNOT_HAVE = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT"]);

export interface FolderChoice {
  /** Only this one. */
  readonly folder?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** Default "/"; for tests. */
  readonly root?: string;
}

/**
 * The best first: $XDG_RUNTIME_DIR if it is this user's own (after su(1) it is another's), /run for root, /tmp. A program that has no
 * $XDG_RUNTIME_DIR, from cron say, writes elsewhere than one that has; so all are read.
 */
export function runFolders({ folder, env, uid, root = "/" }: FolderChoice): readonly string[] {
  const only = folder ?? env["PORTMORTEM_RUN_DIR"];
  if (only !== undefined && only !== "") return [only];
  const runtime = env["XDG_RUNTIME_DIR"];
  return [
    ...(runtime !== undefined && runtime.startsWith("/") && ownerOf(runtime) === uid
      ? [join(runtime, "portmortem")]
      : []),
    ...(uid === 0 ? [join(root, "run/portmortem")] : []),
    join(root, `tmp/portmortem-${uid}`),
  ];
}

function ownerOf(path: string): number | undefined {
  try {
    const stat = lstatSync(path);
    return stat.isDirectory() ? stat.uid : undefined;
  } catch {
    return undefined;
  }
}

/** "missing", "ok", or why it is not to be trusted. */
export function checkRunFolder(path: string, uid: number): "missing" | "ok" | { readonly why: string } {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return { why: "it is a link" };
    if (!stat.isDirectory()) return { why: "it is no folder" };
    if (stat.uid !== uid) return { why: `it belongs to user ${stat.uid}, not to ${uid}` };
    return (stat.mode & OTHERS_WRITE) === 0 ? "ok" : { why: "others may write to it" };
  } catch (error) {
    const errno = errnoOf(error);
    return errno === "ENOENT" || errno === "ENOTDIR" ? "missing" : { why: errno };
  }
}

/** The first of them that can be had, made if it is not there. Throws PM_RUN_RECORD. */
export function makeRunFolder(folders: readonly string[], uid: number): string {
  const tried: string[] = [];
  for (const path of folders) {
    let found = checkRunFolder(path, uid);
    const errno = found === "missing" ? make(path) : undefined;
    // Looked at again: somebody else can have been quicker.
    if (found === "missing") found = checkRunFolder(path, uid);
    if (found === "ok") return path;
    if (typeof found === "object" && !CANNOT_HAVE.has(found.why))
      throw new PortmortemError(
        "PM_RUN_RECORD",
        `${path} is not to be trusted with the records of runs: ${found.why}`,
        {
          hint: `remove it, or set PORTMORTEM_RUN_DIR to a folder of your own`,
        },
      );
    tried.push(`${path} (${typeof found === "object" ? found.why : (errno ?? "ENOENT")})`);
  }
  throw new PortmortemError("PM_RUN_RECORD", `no folder for the records of runs can be made: ${tried.join(", ")}`, {
    hint: "set PORTMORTEM_RUN_DIR to a folder that can be written to",
  });
}

function make(path: string): string | undefined {
  try {
    mkdirSync(path, { mode: 0o700 });
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}
