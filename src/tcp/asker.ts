/** Who asks, as far as the commands that he is told depend on it. Pure. */
import type { Owner } from "./socket.ts";

export interface Asker {
  readonly uid: number;
  /** CAP_NET_ADMIN over the network namespace that is asked about. Left out: not looked for (nor of root, whom sudo gives no more), or not known. */
  readonly netAdmin?: boolean;
  /** That namespace, as it was named; left out: the one that the program is in. */
  readonly netns?: string;
}

/** Whether sudo would help him to destroy sockets (SOCK_DESTROY). */
export function needsRootToDestroy({ uid, netAdmin }: Asker): boolean {
  return uid !== 0 && netAdmin !== true;
}

/** Whether sudo would help him to signal one of these: the user has to be the same (kill_ok_by_cred() in kernel/signal.c). */
export function needsRootToSignal({ uid }: Asker, processes: readonly Pick<Owner, "uid">[]): boolean {
  return uid !== 0 && processes.some((process) => process.uid !== uid);
}
