/** Listeners whose backlog is exactly somaxconn. */
import { amountText, countText } from "../../base/duration.ts";
import { parseSysctlNumber } from "../../tcp/sysctl-values.ts";
import { acceptQueueOf, firstOwner, listenerEvidence } from "./accept-queue.ts";
import type { FindingDefinition } from "./finding.ts";
import { holderName } from "./holder-words.ts";

/**
 * The kernel's own default since 5.4 (19f92a030ca6). At that value or above it, nobody needs to be told: who asks for "as much as there is"
 * (Go, systemd) always gets exactly somaxconn. Below it somebody lowered it, or the kernel is old, and 128 is less than most ask for.
 */
const DEFAULT = 4096;

export const BACKLOG_CAPPED: FindingDefinition = {
  code: "backlog-capped",
  title: "A listener's backlog is what somaxconn allows",
  about: {
    meaning: [
      "listen() asks for a backlog, and the kernel silently takes the smaller of that and somaxconn. What was asked is not kept: a backlog that equals somaxconn was capped, or was asked so. Node, nginx and Redis ask for 511; Go asks for somaxconn itself.",
      "info, and only where somaxconn is below 4096, the default since Linux 5.4 (128 before).",
    ],
    remedy: [
      "Raise net.core.somaxconn; it counts when the program calls listen() again, that is after its restart. Only bursts of new connections need it: see accept-queue-overflow.",
    ],
    sources: ["__sys_listen; listen(2); commit 19f92a030ca6"],
  },
  find({ settings, listeners, rootPrefix, now }) {
    const somaxconn = parseSysctlNumber(settings["net.core.somaxconn"]);
    if (somaxconn === undefined || somaxconn >= DEFAULT) return [];
    const capped = listeners.filter((listener) => acceptQueueOf(listener).backlog === somaxconn);
    const first = capped[0];
    if (first === undefined) return [];
    const overflows = now.counters["TcpExt.ListenOverflows"];
    const named = [
      ...new Set(
        capped.map((one) => `${holderName(firstOwner(one), one.socket.ownerless)}, port ${one.socket.local.port}`),
      ),
    ];
    return [
      {
        code: "backlog-capped",
        level: "info",
        title:
          named.length === 1
            ? `${named[0]}: the backlog is ${countText(somaxconn)}, all that somaxconn allows`
            : `${named.length} listeners have a backlog of ${countText(somaxconn)}, all that somaxconn allows`,
        text: `That much or more was asked for; which, the kernel does not keep.${named.length === 1 ? "" : ` Such as ${named.slice(0, 2).join("; ")}.`}${overflows === undefined ? "" : overflows === 0 ? " No connection was dropped for a full queue so far." : ` So far, ${amountText(overflows, "connection attempt")} met a full queue.`}`,
        evidence: {
          somaxconn,
          ...(overflows === undefined ? {} : { overflowsSoFar: overflows }),
          listeners: capped.slice(0, 20).map((one) => listenerEvidence(one)),
        },
        advice: [
          {
            text: "allow more; a program gets it at its next listen(), that is at its next start",
            command: `${rootPrefix}sysctl -w net.core.somaxconn=${DEFAULT}`,
            costs: "nothing",
          },
        ],
      },
    ];
  },
};
