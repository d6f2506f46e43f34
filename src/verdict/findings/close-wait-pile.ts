/** CLOSE-WAIT: the other side has closed, and the program here does not. */
import { countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { groupEvidence, grownBy, growthSentence, groupsOf, peersSentence } from "./group-words.ts";
import { holderName, lookingCommand, restartAdvice } from "./holder-words.ts";
import { pileLevel } from "./pile.ts";

/** What servers give a whole request by default (nginx 60 s, Node's headersTimeout 60 s): who has not closed by then has forgotten. */
const LASTING_MS = 60_000;

export const CLOSE_WAIT_PILE: FindingDefinition = {
  code: "close-wait-pile",
  title: "A program does not close connections that the other side has closed",
  about: {
    meaning: [
      "CLOSE-WAIT: the other side's FIN has come, and the program has not called close(). No timer ends it, each keeps a descriptor, and when those are used up accept() fails.",
      "warning: 100 or more, the oldest silent for a minute, or 10 more than at the first look (--watch). info: 100 or more for a second, or 10 or more with one silent for ten minutes. A few are healthy: pools notice at the next use.",
    ],
    remedy: [
      "Mend the program: close on end of file, on every way out (errors, time-outs). No setting helps. Until then only its restart frees them; portmortem drop ends the connection, not the descriptor.",
    ],
    sources: ["RFC 9293 3.6; tcp_fin, __tcp_close; tcp(7)"],
  },
  find: (snapshot) => groupsOf(snapshot, "close-wait").flatMap((group) => judge(snapshot, group)),
};

function judge(snapshot: HealthSnapshot, group: SocketGroup): Finding[] {
  const level = pileLevel(group, { lastingMs: LASTING_MS, grown: grownBy(snapshot, group) });
  if (level === undefined) return [];
  const { owner, longestSilentMs } = group;
  const use = snapshot.descriptors.find(({ pid }) => pid === owner?.pid);
  const name = holderName(owner, group.ownerless);
  const growing = (grownBy(snapshot, group) ?? 0) > 0;
  return [
    {
      code: "close-wait-pile",
      level,
      title: `${name}: ${countText(group.count)} connections in CLOSE-WAIT${growing ? ", growing" : ""}`,
      text: `The other side has closed them${longestSilentMs === undefined ? "" : `, one of them at least ${durationText(longestSilentMs)} ago`}; the program has not.${growthSentence(snapshot, group)}${peersSentence(group)}${use === undefined ? "" : ` They keep ${countText(group.count)} of the ${countText(use.limit)} descriptors it may have.`}`,
      evidence: {
        ...groupEvidence(snapshot, group),
        ...(use === undefined ? {} : { descriptors: use.count, descriptorLimit: use.limit }),
      },
      advice: [
        {
          text: "see them; then mend the program: it has to close() at the end of file, also after errors and time-outs",
          ...(owner === undefined
            ? {}
            : {
                command: lookingCommand(snapshot.asker, ["ls", `state close-wait and pid = ${owner.pid}`]),
              }),
          costs: "nothing",
        },
        ...restartAdvice(owner, snapshot.asker, "until it is mended, only that gives its descriptors back"),
      ],
    },
  ];
}
