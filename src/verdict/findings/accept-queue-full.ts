/** A listener whose accept queue is full at this moment. */
import { amountText, countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { parseSysctlNumber } from "../../tcp/sysctl-values.ts";
import type { Advice } from "../why.ts";
import { acceptQueueOf, firstOwner, isStopped, listenerEvidence } from "./accept-queue.ts";
import { continueCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { holderName } from "./holder-words.ts";

/** The first SYN that is dropped is sent again after a second (RFC 6298): a queue that is full for longer fails clients, not only delays them. */
const BURST_MS = 1000;

export const ACCEPT_QUEUE_FULL: FindingDefinition = {
  code: "accept-queue-full",
  title: "A listener's accept queue is full",
  about: {
    meaning: [
      "Connections that the kernel has set up wait in the accept queue until the program calls accept(). When more wait than the backlog of listen(), the kernel drops further SYNs: clients try again after 1, 3, 7 s and time out. They are not refused.",
      "critical: full, and one has waited for a second. warning: full at this moment, or how long was not told.",
    ],
    remedy: [
      "The program accepts too slowly: a busy loop, too few workers, all of them waiting, EMFILE (descriptors-low), stopped. A larger backlog (and somaxconn) takes bursts, not a lasting overload.",
    ],
    sources: ["sk_acceptq_is_full, tcp_conn_request; listen(2); RFC 6298 2.1"],
  },
  find: (snapshot) =>
    snapshot.listeners.filter((listener) => acceptQueueOf(listener).full).map((listener) => judge(snapshot, listener)),
};

function judge(snapshot: HealthSnapshot, listener: ListenerFacts): Finding {
  const { waiting, backlog = 0 } = acceptQueueOf(listener);
  const { oldestWaitingMs, socket } = listener;
  return {
    code: "accept-queue-full",
    level: (oldestWaitingMs ?? 0) >= BURST_MS ? "critical" : "warning",
    title: `${holderName(firstOwner(listener), socket.ownerless)}: the accept queue of port ${socket.local.port} is full`,
    text: `${amountText(waiting, "connection")} in the accept queue, and the backlog is ${countText(backlog)}: the kernel drops further SYNs, so clients wait and time out.${oldestWaitingMs === undefined ? "" : ` The oldest has waited for ${durationText(oldestWaitingMs)}.`}`,
    evidence: listenerEvidence(listener),
    advice: adviceFor(snapshot, listener),
  };
}

function adviceFor(snapshot: HealthSnapshot, listener: ListenerFacts): Advice[] {
  const owner = firstOwner(listener);
  if (owner !== undefined && isStopped(listener))
    return [
      {
        text: `let ${owner.command} go on`,
        command: continueCommand(snapshot.asker, listener.socket.owners ?? []),
        costs: "nothing",
      },
    ];
  return [
    {
      text: "see what keeps the program from accept(): work on its event loop, workers all busy, no descriptors left",
      ...(owner === undefined ? {} : { command: `ps -L -o tid,state,pcpu,wchan:24,comm -p ${owner.pid}` }),
      costs: "nothing",
    },
    largerBacklog(snapshot, acceptQueueOf(listener).backlog ?? 0),
  ];
}

function largerBacklog({ settings, rootPrefix }: HealthSnapshot, backlog: number): Advice {
  const somaxconn = parseSysctlNumber(settings["net.core.somaxconn"]);
  const text = "for bursts: a larger backlog in listen()";
  if (somaxconn === backlog) {
    return {
      text: `${text}, and in somaxconn, which caps it; it counts from the next listen()`,
      command: `${rootPrefix}sysctl -w net.core.somaxconn=${Math.max(4096, somaxconn * 4)}`,
      costs: "nothing",
    };
  }
  const allowed = somaxconn === undefined ? "" : `; somaxconn allows ${countText(somaxconn)}`;
  return { text: `${text} (it has ${countText(backlog)}${allowed})`, costs: "nothing" };
}
