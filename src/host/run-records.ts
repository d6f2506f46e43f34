/**
 * Where runs are written down (keep/run-record.ts): one file each, in a folder of this user's that nobody else can write to. All methods are
 * synchronous.
 */
import type { RunRecord } from "../tcp/run-record.ts";

export interface RunRecords {
  /** What pids count for here. */
  here(): RunPlace;

  /** All that are there; none where there is no folder yet. Nothing is changed. */
  read(): RunRecordsRead;

  /** In the place of the record with the same id, whole or not at all. Throws PM_RUN_RECORD. */
  write(record: RunRecord): void;

  /** Harmless when it is gone already. The answer is "ok" or an errno's name. */
  remove(id: string): string;

  /** Nobody else does such work meanwhile. Without the native part there is no lock. Throws PM_RUN_RECORD. */
  locked<T>(work: () => T): T;
}

export interface RunPlace {
  readonly bootId?: string;
  /** The inode of this process' pid namespace. */
  readonly pidNamespace?: number;
  /** No process is in that pid namespace any more. False: one is, or that is not told. */
  readonly hasEnded: (pidNamespace: number) => boolean;
}

export interface RunRecordsRead {
  readonly records: readonly RunRecord[];
  /** Files and folders that were not read, or not believed. */
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}
