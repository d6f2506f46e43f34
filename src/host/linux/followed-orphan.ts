/** An orphan that has become our child, held by a pidfd: libuv knows nothing of it, so we wait for it ourselves. */
import { constants } from "node:os";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { parseProcessStat } from "../../wire/procfs/process-stat.ts";
import type { ProgramEnd, StartedProgram } from "../keeping.ts";
import { elfBits } from "./elf-bits.ts";
import { SYS_pidfd_open, SYS_pidfd_send_signal } from "./constants.ts";
import type { Libc } from "./libc.ts";
import type { NotifyLoop } from "./notify-loop.ts";
import { readText } from "./read-file.ts";

const WNOHANG = 1;

/** Undefined: it is no child of this process. */
export function followOrphan(libc: Libc, loop: NotifyLoop, pid: number): StartedProgram | undefined {
  const pidfd = libc.syscall(SYS_pidfd_open, pid, 0, 0);
  if (pidfd < 0) return undefined;
  const stat = parseProcessStat(readText(`/proc/${pid}/stat`) ?? "");
  if (stat?.parentPid !== process.pid) {
    libc.close(pidfd);
    return undefined;
  }
  let open = true;
  const ended = new Promise<ProgramEnd>((resolve) => {
    loop.add(pidfd, () => {
      open = false;
      loop.remove(pidfd);
      libc.close(pidfd);
      resolve(waitFor(libc, pid));
    });
  });
  return {
    pid,
    startedTicks: stat.startTicks,
    ended,
    bits: elfBits(pid),
    signal: (name) => open && libc.syscall4(SYS_pidfd_send_signal, pidfd, constants.signals[name], 0, 0) === 0,
  };
}

/** The words of wait(2): the signal in the low 7 bits, else the exit status in the next 8. */
function waitFor(libc: Libc, pid: number): ProgramEnd {
  const bytes = new Uint8Array(4);
  // Somebody else may have waited for it: how it ended is unknown then, and not a success.
  if (libc.waitpid(pid, bytes, WNOHANG) !== pid) return { status: 255 };
  const status = new DataView(bytes.buffer).getInt32(0, LITTLE_ENDIAN);
  const signal = status & 0x7f;
  if (signal === 0) return { status: (status >> 8) & 0xff };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return { signal: (name ?? "SIGKILL") as NodeJS.Signals };
}
