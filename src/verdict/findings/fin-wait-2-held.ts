/** FIN-WAIT-2 with a descriptor: half closed by a live program, and no timer runs. */
import { countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { dropGroup } from "./drop-command.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { groupEvidence, grownBy, growthSentence, groupsOf, peersSentence } from "./group-words.ts";
import { holderName, restartAdvice } from "./holder-words.ts";
import { FORGOTTEN_MS, pileLevel } from "./pile.ts";

export const FIN_WAIT_2_HELD: FindingDefinition = {
  code: "fin-wait-2-held",
  title: "A program keeps connections that it has closed half",
  about: {
    meaning: [
      "FIN-WAIT-2 held by a program: it called shutdown(SHUT_WR), as it may to say 'no more from me', and waits for the other side's end. While it holds the descriptor no timer runs: tcp_fin_timeout is for sockets that nobody holds. If the peer never closes, it stays for ever.",
      "warning: 100 or more, one silent for ten minutes, or 10 more than at the first look (--watch). info: 100 or more for a second, or 10 or more with one silent for ten minutes.",
    ],
    remedy: [
      "Mend the program: a time-out after shutdown(), then close(): from there tcp_fin_timeout counts. Or SO_KEEPALIVE, which notices a peer that is gone.",
    ],
    sources: ["__tcp_close, tcp_rcv_state_process; RFC 9293 3.6; tcp(7) TCP_LINGER2"],
  },
  find: (snapshot) => groupsOf(snapshot, "fin-wait-2-held").flatMap((group) => judge(snapshot, group)),
};

function judge(snapshot: HealthSnapshot, group: SocketGroup): Finding[] {
  // Half a connection may be quiet for as long as an answer takes to compute: what is many is given ten minutes, not one.
  const level = pileLevel(group, { lastingMs: FORGOTTEN_MS, grown: grownBy(snapshot, group) });
  if (level === undefined) return [];
  const { owner, longestSilentMs } = group;
  return [
    {
      code: "fin-wait-2-held",
      level,
      title: `${holderName(owner, group.ownerless)}: ${countText(group.count)} half-closed connections in FIN-WAIT-2`,
      text: `The program has closed its half and holds the descriptor, so no timer runs: they end when the other side closes, or never.${longestSilentMs === undefined ? "" : ` One has been silent for ${durationText(longestSilentMs)}.`}${growthSentence(snapshot, group)}${peersSentence(group)}`,
      evidence: groupEvidence(snapshot, group),
      advice: [
        { text: "mend the program: a time-out after shutdown(), then close(); or SO_KEEPALIVE", costs: "nothing" },
        ...dropAdvice(snapshot, group),
        ...restartAdvice(owner, snapshot.asker, "its half-closed connections end with it"),
      ],
    },
  ];
}

function dropAdvice(snapshot: HealthSnapshot, group: SocketGroup): Finding["advice"] {
  const drop = dropGroup(snapshot, group);
  if (drop === undefined) return [];
  const { address, command } = drop;
  return [{ text: `drop those with ${address}; the program sees ECONNABORTED`, command, costs: "data" }];
}
