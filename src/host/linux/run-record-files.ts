/**
 * The records of runs as files: `ID.json`, written beside and renamed, so that whoever reads has the old one or the new one. They are small,
 * in memory most often (tmpfs), and worth nothing after a boot: nothing is synced.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readdirSync } from "node:fs";
import { renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PortmortemError } from "../../base/errors.ts";
import type { RunRecord } from "../../tcp/run-record.ts";
import { formatRunRecord, isRunId, parseRunRecord } from "../../wire/run-record-text.ts";
import type { RunPlace, RunRecords, RunRecordsRead } from "../run-records.ts";
import { loadLibc } from "./libc.ts";
import { hasPidNamespaceEnded, ownPidNamespace } from "./pid-namespaces.ts";
import { errnoOf, readText } from "./read-file.ts";
import { checkRunFolder, makeRunFolder, runFolders } from "./run-folder.ts";
import type { FolderChoice } from "./run-folder.ts";

const SUFFIX = ".json";
/** A command line can be 2 MB long. */
const MOST_BYTES = 8 << 20;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** It is held for a millisecond. Who has it for longer was stopped (Ctrl-Z) in that one: not worth a hanging command. */
const LOCK_MS = 1000;
/** Half a file, of a keeper that was killed as it wrote. */
const LEFT_OVER_MS = 60_000;

/** Default: the folders of this user. */
export function openRunRecords(choice: Partial<FolderChoice> = {}): RunRecords {
  return new RunRecordFiles({ env: process.env, uid: process.geteuid?.() ?? 0, ...choice });
}

class RunRecordFiles implements RunRecords {
  readonly #folders: readonly string[];
  readonly #uid: number;

  constructor(choice: FolderChoice) {
    this.#folders = runFolders(choice);
    this.#uid = choice.uid;
  }

  here(): RunPlace {
    const bootId = readText("/proc/sys/kernel/random/boot_id")?.trim();
    const pidNamespace = ownPidNamespace();
    return {
      ...(bootId === undefined || bootId === "" ? {} : { bootId }),
      ...(pidNamespace === undefined ? {} : { pidNamespace }),
      hasEnded: hasPidNamespaceEnded,
    };
  }

  read(): RunRecordsRead {
    const records: RunRecord[] = [];
    const skipped: { path: string; why: string }[] = [];
    for (const folder of this.#folders) {
      const found = checkRunFolder(folder, this.#uid);
      if (found === "missing") continue;
      if (found !== "ok") {
        skipped.push({ path: folder, why: found.why });
        continue;
      }
      for (const path of this.#filesIn(folder)) {
        const answer = this.#readRecord(path);
        if (answer === "gone") continue;
        if ("record" in answer) {
          const { id } = answer.record;
          // Written to a worse place while the best one was gone.
          if (!records.some((record) => record.id === id)) records.push(answer.record);
        } else skipped.push({ path, why: answer.why });
      }
    }
    return { records, skipped };
  }

  #filesIn(folder: string): string[] {
    try {
      const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX) && !name.startsWith("."));
      return names.sort().map((name) => join(folder, name));
    } catch {
      return [];
    }
  }

  #readRecord(path: string): { readonly record: RunRecord } | { readonly why: string } | "gone" {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    try {
      // A pipe by that name must not have us wait for its writer.
      const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const stat = fstatSync(fd);
        if (!stat.isFile()) return { why: "it is no file" };
        if (stat.uid !== this.#uid) return { why: `it belongs to user ${stat.uid}` };
        if (stat.size > MOST_BYTES) return { why: "it is too long for a record" };
        const parsed = parseRunRecord(readFileSync(fd, "utf8"));
        if ("record" in parsed && !path.endsWith(`/${parsed.record.id}${SUFFIX}`))
          return { why: "its name is not that of the record in it" };
        return parsed;
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const errno = errnoOf(error);
      return errno === "ENOENT" ? "gone" : { why: errno === "ELOOP" ? "it is a link" : errno };
    }
  }

  write(record: RunRecord): void {
    // Each time anew: the user's runtime folder goes when the user has logged out, and the program stays.
    const folder = makeRunFolder(this.#folders, this.#uid);
    const aside = join(folder, `.${record.id}.tmp`);
    try {
      writeFileSync(aside, formatRunRecord(record), { flag: "w", mode: 0o600 });
      renameSync(aside, join(folder, `${record.id}${SUFFIX}`));
    } catch (error) {
      removeFile(aside);
      const errno = errnoOf(error);
      throw new PortmortemError("PM_RUN_RECORD", `the record of this run cannot be written in ${folder}: ${errno}`, {
        errno,
        cause: error,
        hint: "set PORTMORTEM_RUN_DIR to a folder that can be written to",
      });
    }
  }

  remove(id: string): string {
    if (!isRunId(id)) return "EINVAL";
    const trusted = this.#folders.filter((folder) => checkRunFolder(folder, this.#uid) === "ok");
    const answers = trusted.map((folder) => removeFile(join(folder, `${id}${SUFFIX}`)));
    return answers.find((answer) => answer !== "ok" && answer !== "ENOENT") ?? "ok";
  }

  locked<T>(work: () => T): T {
    const folder = makeRunFolder(this.#folders, this.#uid);
    const unlock = lock(join(folder, ".lock"));
    try {
      removeLeftOvers(folder);
      return work();
    } finally {
      unlock();
    }
  }
}

/** The kernel lets go of it when its holder ends, however it ends: flock(2). */
function lock(path: string): () => void {
  const native = loadLibc();
  if ("why" in native) return () => undefined;
  let fd: number;
  try {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch {
    return () => undefined;
  }
  const end = performance.now() + LOCK_MS;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (native.libc.flock(fd, LOCK_EX | LOCK_NB) < 0 && performance.now() < end) Atomics.wait(pause, 0, 0, 1);
  return () => closeSync(fd);
}

function removeLeftOvers(folder: string): void {
  for (const name of readdirSync(folder).filter((one) => /^\..*\.tmp$/.test(one))) {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > LEFT_OVER_MS) removeFile(path);
  }
}

function removeFile(path: string): string {
  try {
    unlinkSync(path);
    return "ok";
  } catch (error) {
    return errnoOf(error);
  }
}
