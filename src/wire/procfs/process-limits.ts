/** /proc/PID/limits, proc_pid_limits(5): written by proc_pid_limits() in fs/proc/base.c, for everybody to read. */

export interface ResourceLimit {
  /** Left out: unlimited. */
  readonly soft?: number;
  readonly hard?: number;
}

/** RLIMIT_NOFILE: one more than the largest descriptor number. Undefined when the line is not there or makes no sense. */
export function parseDescriptorLimit(text: string): ResourceLimit | undefined {
  const match = /^Max open files {2,}(\d{1,20}|unlimited) +(\d{1,20}|unlimited) +files *$/m.exec(text);
  if (match === null) return undefined;
  const soft = limitOf(match[1]!);
  const hard = limitOf(match[2]!);
  return { ...(soft === undefined ? {} : { soft }), ...(hard === undefined ? {} : { hard }) };
}

/** A number past 2^53 is no limit that anybody could reach. */
function limitOf(text: string): number | undefined {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
