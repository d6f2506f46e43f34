/** Listeners whose program is stopped: Ctrl-Z, SIGSTOP, a debugger. */
import { countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { acceptQueueOf, firstOwner, isStopped, listenerEvidence } from "./accept-queue.ts";
import { continueCommand, endListenersCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { holderName } from "./holder-words.ts";

export const LISTENER_STOPPED: FindingDefinition = {
  code: "listener-stopped",
  title: "A listener's program is stopped",
  about: {
    meaning: [
      "Every process that holds the listener is stopped (state T: Ctrl-Z or SIGSTOP; t: by a debugger). The kernel goes on to accept handshakes for it, so clients connect, send, and never get an answer; nothing is refused until the queue is full.",
      "critical: connections wait. warning: none does yet; the next will.",
    ],
    remedy: [
      "kill -CONT PID, or fg in its shell. To end it: portmortem free PORT, which lets it go on as well: a stopped program handles no signal but SIGKILL.",
    ],
    sources: ["proc_pid_stat(5), signal(7), tcp_conn_request"],
  },
  find: (snapshot) => snapshot.listeners.filter(isStopped).map((listener) => judge(snapshot, listener)),
};

function judge(snapshot: HealthSnapshot, listener: ListenerFacts): Finding {
  const { waiting, full } = acceptQueueOf(listener);
  const { socket, oldestWaitingMs } = listener;
  const owners = socket.owners ?? [];
  const end = endListenersCommand(snapshot, [listener], owners);
  const traced = owners.every(({ state }) => state === "t");
  const age = oldestWaitingMs === undefined ? "" : `, the oldest for ${durationText(oldestWaitingMs)}`;
  const command = firstOwner(listener)?.command ?? "it";
  return {
    code: "listener-stopped",
    level: waiting > 0 ? "critical" : "warning",
    title: `${holderName(firstOwner(listener))} is ${traced ? "held by a debugger" : "stopped"} and listens on port ${socket.local.port}`,
    text: `Clients can connect and will get no answer.${waiting === 0 ? " None waits yet." : ` Waiting now: ${countText(waiting)}${age}${full ? "; the queue is full, and further ones time out" : ""}.`}`,
    evidence: { ...listenerEvidence(listener), ownerStates: [...new Set(owners.map(({ state }) => state ?? "?"))] },
    advice: traced
      ? [{ text: `let ${command} go on in the debugger`, costs: "nothing" }]
      : [
          {
            text: `let ${command} go on (or fg in its shell)`,
            command: continueCommand(snapshot.asker, owners),
            costs: "nothing",
          },
          { text: "or end it", ...(end === undefined ? {} : { command: end }), costs: "downtime" },
        ],
  };
}
