/** FIN-WAIT-1, LAST-ACK and CLOSING without a program, whose peer does not answer or does not read. */
import { countText, durationText } from "../../base/duration.ts";
import { olderThan } from "../../base/kernel-release.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { ORPHANS_SINCE } from "../../tcp/sock-destroy.ts";
import type { Advice } from "../why.ts";
import { dropGroup } from "./drop-command.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { groupEvidence, growthSentence, groupsOf, peersSentence } from "./group-words.ts";

/** Clients that vanish are the internet's daily bread, and each leaves one for a minute or two. */
const A_FEW = 10;
/** With three retransmits the peer has been silent for 1.4 s at the least (200 ms, doubled each time): not merely slow. */
const SILENT_RETRANSMITS = 3;
/** Each keeps its port and its unsent data, 2.4 KB at the least and often a hundred: a thousand is memory worth a look. */
const MANY = 1000;
/** A server of very many clients has as many vanish: only a tenth of those that are connected is out of proportion. */
const SHARE_OF_CONNECTED = 0.1;

export const ORPHANS_STUCK: FindingDefinition = {
  code: "orphans-stuck",
  title: "Closed connections wait for peers that do not answer",
  about: {
    meaning: [
      "The program has closed; the kernel still delivers data or FIN. It is stuck when the peer is gone (retransmits) or does not read (zero window). It ends by itself: 8 retries, some 100 s, by default (tcp_orphan_retries); with a closed window after some minutes. Till then it keeps port and memory.",
      "warning: 1000 or more, and a tenth of all connections. info: 10 or more with 3 retransmits or a closed window.",
    ],
    remedy: [
      "Wait, or drop those of one peer. Where it comes again and again: TCP_USER_TIMEOUT in the program, which counts after close() as well. Not a smaller tcp_orphan_retries: it cuts off slow peers, too.",
    ],
    sources: ["tcp_orphan_retries, tcp_probe_timer, tcp_write_timeout; RFC 9293 3.8.6.1"],
  },
  find: (snapshot) => groupsOf(snapshot, "orphan").flatMap((group) => judge(snapshot, group)),
};

function judge(snapshot: HealthSnapshot, group: SocketGroup): Finding[] {
  const { count, state, retransmits = 0, zeroWindow = 0 } = group;
  const stuck = retransmits >= SILENT_RETRANSMITS || zeroWindow > 0;
  if (count < A_FEW || !stuck) return [];
  const connected = snapshot.now.states["ESTABLISHED"] ?? 0;
  const level = count >= MANY && count >= connected * SHARE_OF_CONNECTED ? "warning" : "info";
  const silent = group.longestSilentMs === undefined ? "" : `, silent for up to ${durationText(group.longestSilentMs)}`;
  const causes = [
    ...(zeroWindow > 0
      ? [
          `${countText(zeroWindow)} can send nothing and probe: their peer does not read, or this machine's own device does not send`,
        ]
      : []),
    ...(retransmits >= SILENT_RETRANSMITS ? [`${retransmits} retransmits without an answer`] : []),
  ];
  return [
    {
      code: "orphans-stuck",
      level,
      title: `${countText(count)} closed connections stuck in ${state}`,
      text: `No program holds them, and the kernel still tries to deliver: ${causes.join(", ")}${silent}. Until it gives up they keep their ports and their unsent data.${growthSentence(snapshot, group)}${peersSentence(group)}`,
      evidence: { ...groupEvidence(snapshot, group), retransmits, probing: zeroWindow },
      advice: [
        { text: "wait: the kernel gives them up by itself, after a few minutes by default", costs: "nothing" },
        ...destroy(snapshot, group),
      ],
    },
  ];
}

function destroy(snapshot: HealthSnapshot, group: SocketGroup): Advice[] {
  const one = dropGroup(snapshot, group);
  if (one === undefined) return [];
  const text = `or end those with ${one.address} now`;
  const { kernelRelease } = snapshot.system;
  return olderThan(kernelRelease, ...ORPHANS_SINCE)
    ? [
        {
          text: `${text}. But without bac76cf89816 (Linux 6.11, and some stable kernels before) the kernel can leave them for ever`,
          costs: "data",
        },
      ]
    : [{ text, command: one.command, costs: "data" }];
}
