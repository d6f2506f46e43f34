/**
 * /proc/PID/stat, proc_pid_stat(5); written by do_task_stat() in fs/proc/array.c.
 *
 * The name stands in parentheses and may itself hold spaces, parentheses and line breaks; no later field can hold a parenthesis, so that
 * the last one closes the name.
 */
export interface ProcessStat {
  readonly pid: number;
  /** The thread's name, at most 15 bytes of it (TASK_COMM_LEN; kernel threads may be longer). */
  readonly command: string;
  /** One letter: R S D Z T t X I … */
  readonly state: string;
  readonly parentPid: number;
  /** 0: of another pid namespace than the reader's. */
  readonly processGroup: number;
  readonly sessionId: number;
  /** The controlling terminal's device number; 0: none. */
  readonly terminal: number;
  /** Field 22: clock ticks (USER_HZ) after boot. */
  readonly startTicks: number;
}

/** Where a field stands behind the name: field 3 (the state) is the first. */
const STATE = 0;
const PARENT_PID = 1;
const PROCESS_GROUP = 2;
const SESSION_ID = 3;
const TERMINAL = 4;
const START_TICKS = 19;

/** Undefined for a text that is cut before the end of the start time, or that is none of the kernel's. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf(" (");
  const close = text.lastIndexOf(") ");
  if (open < 1 || close < open) return undefined;
  const pid = parseDecimal(text.slice(0, open));
  const fields = text.slice(close + 2).split(" ", START_TICKS + 2);
  // A further field proves that the start time is whole.
  if (fields.length < START_TICKS + 2) return undefined;
  const state = fields[STATE]!;
  const parentPid = parseDecimal(fields[PARENT_PID]!);
  const processGroup = parseDecimal(fields[PROCESS_GROUP]!);
  const sessionId = parseDecimal(fields[SESSION_ID]!);
  const terminal = parseDecimal(fields[TERMINAL]!);
  const startTicks = parseDecimal(fields[START_TICKS]!);
  if (pid === undefined || parentPid === undefined || startTicks === undefined || !/^[A-Za-z]$/.test(state))
    return undefined;
  if (processGroup === undefined || sessionId === undefined || terminal === undefined) return undefined;
  const command = text.slice(open + 2, close);
  return { pid, command, state, parentPid, processGroup, sessionId, terminal, startTicks };
}

function parseDecimal(text: string): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
