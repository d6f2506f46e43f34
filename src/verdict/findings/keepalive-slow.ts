/** Keepalive that asks so seldom that it helps nobody. */
import { amountText, countText, durationText } from "../../base/duration.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { groupEvidence, groupsOf, peersSentence } from "./group-words.ts";
import { holderName } from "./holder-words.ts";

export const KEEPALIVE_SLOW: FindingDefinition = {
  code: "keepalive-slow",
  title: "Keepalive set to more than two hours",
  about: {
    meaning: [
      "The first keepalive probe comes after more than two hours of silence, and an hour has passed. NAT and firewalls need not remember a quiet connection for longer than two hours and four minutes (RFC 5382), and many forget it within minutes: then the probe comes too late. Always info.",
    ],
    remedy: [
      "TCP_KEEPIDLE in the program: some minutes. Where it sets SO_KEEPALIVE alone: tcp_keepalive_time, which new connections and running timers' next round use.",
    ],
    sources: ["tcp_keepalive_timer, keepalive_time_when; RFC 9293 3.8.4; RFC 5382 REQ-5; tcp(7)"],
  },
  find: (snapshot) =>
    groupsOf(snapshot, "slow-keepalive").flatMap((group): Finding[] => {
      const { owner, silentAnHour = 0, longestSilentMs, sample } = group;
      if (silentAnHour === 0) return [];
      const remainingMs = sample.timer?.kind === "keepalive" ? sample.timer.remainingMs : undefined;
      const setting = Number(snapshot.settings["net.ipv4.tcp_keepalive_time"] ?? 0);
      const bySetting = setting > 7200;
      return [
        {
          code: "keepalive-slow",
          level: "info",
          title: `${holderName(owner, group.ownerless)}: ${amountText(group.count, "connection")} with keepalive past two hours`,
          text: `Silent for an hour: ${countText(silentAnHour)}${longestSilentMs === undefined ? "" : `, the longest for ${durationText(longestSilentMs)}`}${remainingMs === undefined ? "" : `; one is asked only in ${durationText(remainingMs)}`}. Many firewalls have forgotten such a connection by then.${peersSentence(group)}`,
          evidence: {
            ...groupEvidence(snapshot, group),
            silentAnHour,
            ...(remainingMs === undefined ? {} : { keepaliveRemainingMs: remainingMs }),
          },
          advice: [
            { text: "set TCP_KEEPIDLE to some minutes in the program", costs: "nothing" },
            ...(bySetting
              ? [
                  {
                    text: "or for every program that sets none of its own",
                    command: `${snapshot.rootPrefix}sysctl -w net.ipv4.tcp_keepalive_time=600`,
                    costs: "nothing" as const,
                  },
                ]
              : []),
          ],
        },
      ];
    }),
};
