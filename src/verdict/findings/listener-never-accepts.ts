/** Listeners whose program runs and does not accept. */
import { amountText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { acceptQueueOf, firstOwner, isStopped, listenerEvidence } from "./accept-queue.ts";
import { endListenersCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { holderName, restartAdvice } from "./holder-words.ts";

/** Clients have given up by then (curl, browsers, load balancers: 5 to 30 s), while a busy event loop comes round within seconds. */
const FORGOTTEN_MS = 30_000;

export const LISTENER_NEVER_ACCEPTS: FindingDefinition = {
  code: "listener-never-accepts",
  title: "A program listens and does not accept",
  about: {
    meaning: [
      "A connection has waited in the accept queue for 30 s or more, and the program runs: it hangs, it serves one client at a time, all its workers are busy, it has no descriptor left, or it opened the listener and forgot it. Clients connect and get no answer. How long is counted from the peer's last packet, so it is rather longer.",
      "critical: the queue is full as well. warning: it is not.",
    ],
    remedy: [
      "See what the program does: its stack (gdb, node --inspect, jstack), its descriptors (descriptors-low). A larger backlog only lets more of them wait.",
    ],
    sources: ["inet_csk_accept, tcp_info (tcpi_last_data_recv, _last_ack_recv); accept(2)"],
  },
  find: (snapshot) =>
    snapshot.listeners
      .filter(
        (listener) =>
          acceptQueueOf(listener).waiting > 0 &&
          (listener.oldestWaitingMs ?? 0) >= FORGOTTEN_MS &&
          !isStopped(listener),
      )
      .map((listener) => judge(snapshot, listener)),
};

function judge(snapshot: HealthSnapshot, listener: ListenerFacts): Finding {
  const { waiting, full } = acceptQueueOf(listener);
  const { socket, oldestWaitingMs = 0 } = listener;
  const owner = firstOwner(listener);
  // Who hangs may never come to handle a signal that it has a handler for.
  const ended = endListenersCommand(snapshot, [listener], socket.owners ?? [], ["--force"]);
  return {
    code: "listener-never-accepts",
    level: full ? "critical" : "warning",
    title: `${holderName(owner, socket.ownerless)} does not accept on port ${socket.local.port}`,
    text: `${amountText(waiting, "connection")} in the accept queue, the oldest for ${durationText(oldestWaitingMs)}: whoever waits there has connected and gets no answer.${full ? " The queue is full, and further ones time out." : ""}`,
    evidence: listenerEvidence(listener),
    advice: [
      {
        text: "see what it does instead",
        ...(owner === undefined ? {} : { command: `ps -L -o tid,state,pcpu,wchan:24,comm -p ${owner.pid}` }),
        costs: "nothing",
      },
      ...restartAdvice(owner, snapshot.asker, "if it hangs", ended),
    ],
  };
}
