/** Connections that were dropped because an accept queue was full: now, or at some time. */
import { amountText, countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { formatEndpoint } from "../../tcp/endpoint.ts";
import type { FindingDefinition } from "./finding.ts";
import { growthOf, watchedMs } from "./growth.ts";
import { holderEvidence, holderName, lookingCommand } from "./holder-words.ts";

/** What is past is worth a word only if it was more than bad luck: one in a thousand. */
const SHARE = 0.001;

export const ACCEPT_QUEUE_OVERFLOW: FindingDefinition = {
  code: "accept-queue-overflow",
  title: "Connections were dropped because an accept queue was full",
  about: {
    meaning: [
      "TcpExt.ListenOverflows counts the SYNs and last ACKs of the handshake that met a full accept queue. A client's repeated SYN counts again. ListenDrops counts these and handshakes that failed otherwise, such as by an ICMP error, so it alone is no alarm. Which listener it was, its own drop counter says.",
      "warning: it grew between two looks (--watch). info: it is one in a thousand of the connections accepted so far.",
    ],
    remedy: ["See accept-queue-full: accept faster; a larger backlog and somaxconn for bursts."],
    sources: ["tcp_conn_request, tcp_v4_syn_recv_sock, tcp_listendrop, tcp_req_err; listen(2)"],
  },
  find(snapshot) {
    const overflows = growthOf(snapshot, "TcpExt.ListenOverflows");
    if (overflows === undefined || overflows.soFar === 0) return [];
    const drops = growthOf(snapshot, "TcpExt.ListenDrops");
    const accepted = snapshot.now.counters["Tcp.PassiveOpens"];
    const share = accepted === undefined ? 1 : overflows.soFar / (overflows.soFar + accepted);
    const grown = overflows.grown ?? 0;
    if (grown === 0 && share < SHARE) return [];

    const watched = watchedMs(snapshot);
    const known = droppingListeners(snapshot);
    const who = known.map(({ text }) => text).join(", ");
    const percent = `${Math.round(share * 1000) / 10} %`;
    return [
      {
        code: "accept-queue-overflow",
        level: grown > 0 ? "warning" : "info",
        title:
          grown > 0
            ? `${amountText(grown, "connection attempt")} met a full accept queue in ${durationText(watched ?? 0)}`
            : `so far, ${amountText(overflows.soFar, "connection attempt")} met a full accept queue`,
        text: `The kernel dropped them, and the clients had to try again: a second later at the earliest.${accepted === undefined ? "" : ` So far it is ${percent} of all attempts.`}${who === "" ? "" : ` By their own counters it was ${who}.`}`,
        evidence: {
          overflowsSoFar: overflows.soFar,
          ...(drops === undefined ? {} : { dropsSoFar: drops.soFar }),
          ...(accepted === undefined ? {} : { acceptedSoFar: accepted }),
          ...(overflows.grown === undefined || watched === undefined ? {} : { overflows: grown, watchedMs: watched }),
          listeners: known.map(({ evidence }) => evidence),
        },
        advice: [
          {
            text: "accept faster; for bursts a larger backlog in listen(), which somaxconn caps",
            command: lookingCommand(snapshot.asker, ["ls", "--listening"]),
            costs: "nothing",
          },
        ],
      },
    ];
  },
};

/** sk_drops of a listener is what tcp_listendrop() counted for it: the counters of the system name no port. */
function droppingListeners({ listeners }: HealthSnapshot) {
  return listeners
    .map(({ socket }) => ({ socket, dropped: socket.memory?.drops ?? 0 }))
    .filter(({ dropped }) => dropped > 0)
    .sort((a, b) => b.dropped - a.dropped)
    .slice(0, 3)
    .map(({ socket, dropped }) => ({
      text: `port ${socket.local.port} of ${holderName(socket.owners?.[0], socket.ownerless)} (${countText(dropped)})`,
      evidence: { listener: formatEndpoint(socket.local), dropped, ...holderEvidence(socket.owners?.[0]) },
    }));
}
