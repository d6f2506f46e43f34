/** Connections that could be dead for long without anybody noticing. */
import { countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { groupEvidence, groupsOf, peersSentence } from "./group-words.ts";
import { holderName, lookingCommand } from "./holder-words.ts";

/**
 * Silence proves nothing: a pool at night and an open shell are silent as well, and those of PostgreSQL and ssh have keepalive, so they are
 * not in question. So it is a hint only, unless so many have been silent for an hour that their descriptors will be missed.
 */
const SHARE_OF_LIMIT = 0.5;
/** A single one, or a pair, is somebody's console. */
const A_FEW = 3;

export const HALF_OPEN: FindingDefinition = {
  code: "half-open",
  title: "Connections that nothing would notice the end of",
  about: {
    meaning: [
      "ESTABLISHED, without keepalive, nothing under way, and the peer silent for an hour by the kernel's own counters. If the peer lost power or a firewall forgot the connection, no packet will ever say so: it stays until this side sends something. It may just as well be a healthy quiet one.",
      "info: 3 or more silent for an hour. warning: they take half of the descriptors that their program may have.",
    ],
    remedy: [
      "In the program: SO_KEEPALIVE with a short TCP_KEEPIDLE, or pings of its protocol, and an idle time-out. The sysctls tcp_keepalive_* do nothing for a socket without SO_KEEPALIVE.",
    ],
    sources: ["tcp_info (tcpi_last_data_recv, _last_ack_recv); RFC 9293 3.8.4; tcp(7)"],
  },
  find: (snapshot) => groupsOf(snapshot, "no-keepalive").flatMap((group) => judge(snapshot, group)),
};

function judge(snapshot: HealthSnapshot, group: SocketGroup): Finding[] {
  const { owner, silentAnHour = 0, longestSilentMs } = group;
  if (silentAnHour < A_FEW) return [];
  const use = snapshot.descriptors.find(({ pid }) => pid === owner?.pid);
  const crowded = use !== undefined && silentAnHour >= use.limit * SHARE_OF_LIMIT;
  return [
    {
      code: "half-open",
      level: crowded ? "warning" : "info",
      title: `${holderName(owner, group.ownerless)}: ${countText(silentAnHour)} connections silent for an hour, without keepalive`,
      text: `Nothing is under way and no timer runs: were the peer gone, nobody would notice.${longestSilentMs === undefined ? "" : ` The longest silence is ${durationText(longestSilentMs)}.`}${crowded ? ` They take ${countText(silentAnHour)} of the ${countText(use.limit)} descriptors that the program may have.` : ""}${peersSentence(group)}`,
      evidence: {
        ...groupEvidence(snapshot, group),
        silentAnHour,
        ...(use === undefined ? {} : { descriptors: use.count, descriptorLimit: use.limit }),
      },
      advice: [
        {
          text: "set SO_KEEPALIVE and TCP_KEEPIDLE in the program, or let its protocol ping; tcp_keepalive_* alone changes nothing",
          costs: "nothing",
        },
        {
          text: "see them, with their last activity",
          command: lookingCommand(snapshot.asker, [
            "ls",
            "--info",
            `state established${owner === undefined ? "" : ` and pid = ${owner.pid}`}`,
          ]),
          costs: "nothing",
        },
      ],
    },
  ];
}
