/** /proc/PID/cmdline, proc_pid_cmdline(5), and the name that people know a process by. */

/**
 * The arguments. Each ends with a NUL; the last one's is missing when the process wrote over its arguments (setproctitle). A process that
 * wrote a title leaves NULs behind it up to the old length: empty arguments after a single one are taken for such padding. Kernel threads
 * and zombies have none.
 */
export function parseCmdline(text: string): string[] {
  if (text === "") return [];
  const args = (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0");
  let last = args.length - 1;
  while (last > 0 && args[last] === "") last--;
  return last === 0 ? args.slice(0, 1) : args;
}

/** Names that Node gives to its main thread since 23.7: they hide the program's name from `comm`. */
const NODE_MAIN_THREAD = new Set(["MainThread", "node-MainThread"]);

/** `comm` holds 15 bytes. */
const CUT_AT = 15;

/**
 * The command's name: `comm`, or the whole of it from the first argument where `comm` is cut ("postgres-exporte") or is only the name of
 * Node's main thread.
 */
export function commandName(comm: string, args: readonly string[]): string {
  const first = args[0];
  if (first === undefined || first === "") return comm;
  const name = first.slice(first.lastIndexOf("/") + 1);
  if (name === "") return comm;
  if (NODE_MAIN_THREAD.has(comm)) return /\s/.test(name) ? "node" : name;
  return comm.length >= CUT_AT && name.startsWith(comm) && !/\s/.test(name) ? name : comm;
}
