/** Descriptors that a program gets as it starts, by the protocol of sd_listen_fds(3): from 3 on, and three variables that say so. */
import { errnoName } from "../../base/errno.ts";
import type { PassedDescriptor } from "../keeping.ts";
import { CONTROL_FD } from "./launcher-messages.ts";
import type { Libc } from "./libc.ts";

const SD_LISTEN_FDS_START = 3;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;
/** dup3(2) by architecture. */
const SYS_dup3: Readonly<Record<string, number>> = { x64: 292, arm64: 24 };
/** What may not be in a name: the colon is between two, and control characters (fdname_is_valid() of systemd). */
const NOT_IN_NAMES = /[:\u0000-\u001f\u007f]/g;

/** None for no descriptors. `pid`: the program's own, so that children that inherit the variables do not take them for theirs. */
export function passedVariables(passed: readonly PassedDescriptor[], pid: number): Readonly<Record<string, string>> {
  if (passed.length === 0) return {};
  return {
    LISTEN_FDS: `${passed.length}`,
    LISTEN_PID: `${pid}`,
    LISTEN_FDNAMES: passed.map(({ name }) => name.replace(NOT_IN_NAMES, "_")).join(":"),
  };
}

/**
 * In the launcher: lays its descriptors out as 3, 4, 5 …, to be inherited by the program, and moves the way to the keeper out of their way.
 * What else lies there is the keeper's: all were inherited in one row (LauncherProcess.start()), and there are no fewer than are passed.
 */
export function passOn(
  libc: Libc,
  passed: readonly number[],
): { readonly fd: number } | { readonly errno: string; readonly path: string } {
  if (passed.length === 0) return { fd: CONTROL_FD };
  const above = SD_LISTEN_FDS_START + passed.length;
  const [control = -1, ...sources] = [CONTROL_FD, ...passed].map((fd) => libc.fcntl(fd, F_DUPFD_CLOEXEC, above));
  const failed = [control, ...sources].find((fd) => fd < 0);
  if (failed !== undefined) return { errno: errnoName(-failed), path: "fcntl(F_DUPFD_CLOEXEC)" };
  // The originals end with the exec, as all that libuv has inherited.
  for (const fd of passed) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (const [index, fd] of sources.entries()) {
    const laid = libc.syscall(SYS_dup3[process.arch] ?? -1, fd, SD_LISTEN_FDS_START + index, 0);
    if (laid < 0) return { errno: errnoName(-laid), path: "dup3(2)" };
  }
  return { fd: control };
}
