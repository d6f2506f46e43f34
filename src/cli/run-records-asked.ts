/** The options of `run` that are about what runs already. */

export interface RecordFlags {
  readonly list?: boolean;
  readonly stop?: readonly string[];
  readonly stopAll?: boolean;
  readonly reload?: readonly string[];
  readonly grace?: string;
}

export function asksForRecords({ list, stop, stopAll, reload }: RecordFlags): boolean {
  return list === true || stop !== undefined || stopAll === true || reload !== undefined;
}
