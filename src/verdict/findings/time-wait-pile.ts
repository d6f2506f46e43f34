/** Many TIME-WAIT of one port or towards one peer: who closes first, and what would end it. */
import { countText } from "../../base/duration.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { formatEndpoint } from "../../tcp/endpoint.ts";
import { TIME_WAIT_MS } from "../time-wait-reuse.ts";
import { clearTimeWait } from "./drop-command.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { holderEvidence, holderName } from "./holder-words.ts";
import { isTimeWaitReused } from "./time-wait-reused.ts";

/** A thousand in sixty seconds are 17 connections a second: enough for somebody to see it in netstat and to wonder; harmless in itself. */
const PILE = 1000;
/** What is in TIME-WAIT now was closed within this time. */
const TIME_WAIT_SECONDS = TIME_WAIT_MS / 1000;

export const TIME_WAIT_PILE: FindingDefinition = {
  code: "time-wait-pile",
  title: "Many connections in TIME-WAIT",
  about: {
    meaning: [
      "Whoever closes first keeps TIME-WAIT for 60 s. On a listening port this side's server closes first; towards a remote port this side's client does. It costs memory (256 bytes) and, for a client, local ports: see local-ports-low.",
      "info from 1000 on one port or towards one peer; never worse by itself.",
    ],
    remedy: [
      "Let the other side close first, with a time-out of your own; keep connections open (keep-alive) and use them again (a pool). Not tcp_fin_timeout: it is for FIN-WAIT-2. Not tcp_tw_recycle: gone since Linux 4.12.",
    ],
    sources: ["RFC 9293 3.6.1; TCP_TIMEWAIT_LEN of include/net/tcp.h; commit 4396e46187ca"],
  },
  find: (snapshot) => [...ofServers(snapshot), ...ofClients(snapshot)],
};

const NO_KNOB =
  "no setting shortens it: tcp_fin_timeout is another state's, and tcp_tw_recycle is gone since Linux 4.12";

function ofServers(snapshot: HealthSnapshot): Finding[] {
  return snapshot.now.timeWait.byLocalPort
    .filter(({ count }) => count >= PILE)
    .map(({ port, count, listening, clients }) => {
      const owner = snapshot.listeners.find(({ socket }) => socket.local.port === port)?.socket.owners?.[0];
      const server = owner === undefined ? `port ${port}` : `${holderName(owner)}, port ${port}`;
      const perSecond = Math.round(count / TIME_WAIT_SECONDS);
      return {
        code: "time-wait-pile",
        level: "info",
        title: `${server}: ${countText(count)} connections in TIME-WAIT`,
        text: `${listening ? "Somebody listens on this port, so it is the server that closes first" : "Nobody listens on this port any more, and this side had closed first"}: about ${countText(perSecond)} times a second over the last minute. It costs ${Math.ceil((count * 256) / 2 ** 10)} KB and does not keep clients out; a restart needs SO_REUSEADDR.`,
        evidence: {
          side: "server",
          port,
          count,
          listening,
          ...holderEvidence(owner),
          closedPerSecond: perSecond,
          peers: clients.map(({ address, count: some }) => ({ address, count: some })),
        },
        advice: [
          {
            text: "let the client close first: tell it that the answer is complete, wait for its FIN, close after a time-out",
            costs: "nothing",
          },
          { text: `keep connections open for more than one request (keep-alive); ${NO_KNOB}`, costs: "nothing" },
        ],
      };
    });
}

function ofClients(snapshot: HealthSnapshot): Finding[] {
  return snapshot.now.timeWait.byPeer.flatMap(({ address, port, count }) => {
    if (count < PILE) return [];
    const peer = formatEndpoint({ address, port });
    const perSecond = Math.round(count / TIME_WAIT_SECONDS);
    const reused = isTimeWaitReused(snapshot, [address]);
    const kept = reused
      ? `connect() takes their local ports again after a second (tcp_tw_reuse), so none is kept from ${peer} for long.`
      : `Each keeps a local port from being used towards ${peer} for up to a minute.`;
    return [
      {
        code: "time-wait-pile",
        level: "info" as const,
        title: `${countText(count)} connections to ${peer} in TIME-WAIT`,
        text: `A client on this machine closes first, about ${countText(perSecond)} times a second over the last minute. ${kept}`,
        evidence: { side: "client", peer: { address, port }, count, closedPerSecond: perSecond },
        advice: [
          { text: "use connections again: a pool, an HTTP agent with keep-alive", costs: "nothing" as const },
          { text: `or let ${peer} close first, with a time-out; ${NO_KNOB}`, costs: "nothing" as const },
          ...(reused ? [] : clearTimeWait(snapshot, { address, port })),
        ],
      },
    ];
  });
}
