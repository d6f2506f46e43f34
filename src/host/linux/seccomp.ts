/** Puts the calling thread, and all that it will start, under the filter of wire/seccomp-filter.ts. It cannot be taken off again. */
import { errnoName } from "../../base/errno.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { SECCOMP_ARCHS, encodeBindFilter, sockFilter } from "../../wire/seccomp-filter.ts";
import { EACCES, EINVAL } from "./constants.ts";
import type { Native } from "./libc.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
/** Without it, kernels before 5.16 slow the whole program down (spec_store_bypass_disable=seccomp). */
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;
const FPROG_BYTES = 16;

export interface InstalledFilter {
  /** The notification descriptor. */
  readonly fd: number;
  readonly noNewPrivs: boolean;
  readonly waitKillable: boolean;
}

/**
 * PR_SET_NO_NEW_PRIVS is set only where the kernel demands it (EACCES: no CAP_SYS_ADMIN in the user namespace). EBUSY: a filter with a
 * listener is above us already, and a process can have one only (has_duplicate_listener() in kernel/seccomp.c).
 */
export function installBindFilter(
  native: Native,
  machine: string = process.arch,
): InstalledFilter | { readonly step: string; readonly errno: string } {
  const arch = SECCOMP_ARCHS[machine];
  if (arch === undefined) return { step: `the numbers of bind(2) on ${machine}`, errno: "ENOSYS" };
  const { libc } = native;
  const filter = encodeBindFilter(arch);
  const program = new Uint8Array(FPROG_BYTES);
  const view = new DataView(program.buffer);
  view.setUint16(0, filter.length / sockFilter.sizeBytes, LITTLE_ENDIAN);
  view.setBigUint64(8, native.addressOf(filter), LITTLE_ENDIAN);
  const install = (flags: number): number =>
    libc.syscallWith(
      arch.seccomp,
      SECCOMP_SET_MODE_FILTER,
      SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER | flags,
      program,
    );
  let noNewPrivs = false;
  let waitKillable = true;
  let fd = install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (fd === -EINVAL) {
    waitKillable = false;
    fd = install(0);
  }
  if (fd === -EACCES) {
    noNewPrivs = true;
    const set = libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (set < 0) return { step: "prctl(PR_SET_NO_NEW_PRIVS)", errno: errnoName(-set) };
    fd = install(waitKillable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
  }
  return fd < 0 ? { step: "seccomp(2)", errno: errnoName(-fd) } : { fd, noNewPrivs, waitKillable };
}
