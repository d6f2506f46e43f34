/**
 * What is done to one socket through its program's descriptor: the program stays, and the kernel needs no option nor the user more than the
 * right to trace it.
 */
import type { HostActions } from "../host/actions.ts";
import type { Host } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";

/**
 * "ok", or the errno of the last one of its holders. Whoever has the pid by now: nothing is done unless the descriptor leads to the socket
 * with this cookie, and a process that does not hold that one is only looked at.
 */
export function throughDescriptor(
  host: Host,
  actions: HostActions,
  socket: Socket,
  what: "shutdown" | "reset" | "allowReuse",
): string {
  let answer = "EBADF";
  for (const { pid, fd } of socket.owners ?? []) {
    const startTicks = host.process(pid)?.startTicks;
    if (startTicks === undefined || socket.cookie === undefined) {
      answer = "ESRCH";
      continue;
    }
    const process = actions.openProcess({ pid, startTicks });
    if ("errno" in process) {
      answer = process.errno;
      continue;
    }
    try {
      const duplicate = process.duplicateSocket(fd, socket.cookie);
      if ("errno" in duplicate) {
        answer = duplicate.errno;
        continue;
      }
      try {
        answer = duplicate[what]();
      } finally {
        duplicate.close();
      }
      if (answer === "ok") return answer;
    } finally {
      process.close();
    }
  }
  return answer;
}
