/** What is known of a listener's accept queue, in the words of its findings. Pure. */
import type { ListenerFacts } from "../../tcp/health-snapshot.ts";
import { formatEndpoint } from "../../tcp/endpoint.ts";
import type { Owner } from "../../tcp/socket.ts";
import type { Evidence } from "./finding.ts";
import { holderEvidence } from "./holder-words.ts";

export interface AcceptQueue {
  readonly waiting: number;
  /** The limit is passed, not reached, when the kernel refuses more (sk_acceptq_is_full(): sk_ack_backlog > sk_max_ack_backlog). */
  readonly full: boolean;
  /** What listen() asked for or somaxconn, whichever is smaller. */
  readonly backlog?: number;
}

export function acceptQueueOf({ socket }: ListenerFacts): AcceptQueue {
  const { queues } = socket;
  if (queues === undefined || !("accepting" in queues)) return { waiting: 0, full: false };
  const { accepting, backlog } = queues;
  return {
    waiting: accepting,
    full: backlog !== undefined && accepting > backlog,
    ...(backlog === undefined ? {} : { backlog }),
  };
}

/** Nobody of those who could accept runs: T is stopped (Ctrl-Z, SIGSTOP), t is held by a debugger (proc(5)). */
export function isStopped({ socket }: ListenerFacts): boolean {
  const owners = socket.owners ?? [];
  return owners.length > 0 && owners.every(({ state }) => state === "T" || state === "t");
}

export function firstOwner({ socket }: ListenerFacts): Owner | undefined {
  return socket.owners?.[0];
}

export function listenerEvidence(listener: ListenerFacts): { readonly [name: string]: Evidence } {
  const { socket, oldestWaitingMs } = listener;
  const { waiting, backlog } = acceptQueueOf(listener);
  return {
    listener: formatEndpoint(socket.local),
    port: socket.local.port,
    ...holderEvidence(firstOwner(listener)),
    accepting: waiting,
    ...(backlog === undefined ? {} : { backlog }),
    ...(oldestWaitingMs === undefined ? {} : { oldestWaitingMs }),
    ...(socket.memory?.drops === undefined ? {} : { dropped: socket.memory.drops }),
  };
}
