/** Sockets that no program holds any more against tcp_max_orphans: past it the kernel resets instead of delivering. */
import { amountText, countText, durationText } from "../../base/duration.ts";
import { parseSysctlNumber } from "../../tcp/sysctl-values.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { growthOf, watchedMs } from "./growth.ts";
import { lookingCommand } from "./holder-words.ts";

const SETTING = "net.ipv4.tcp_max_orphans";
/** tcp_out_of_resources() counts an orphan that has sent nothing for four minutes double, and one with an error from the way double again. */
const FIRST_RESETS = 0.25;
const SECOND_RESETS = 0.5;
/** struct tcp_sock takes 2368 bytes (TCP of /proc/slabinfo, Linux 6.18), and what it has not delivered comes on top. */
const BYTES_EACH = 2368;

export const ORPHANS_LIMIT: FindingDefinition = {
  code: "orphans-limit",
  title: "Closed connections without a program approach tcp_max_orphans",
  about: {
    meaning: [
      "An orphan was closed by its program and still delivers: FIN-WAIT-1, LAST-ACK, CLOSING. All network namespaces together may have tcp_max_orphans; past it close() resets, and what was not delivered is lost. The stuck ones are reset earlier, from a half and from a quarter of it on.",
      "critical: the limit is reached. warning: half of it, or one look after the other shows more resets (TCPAbortOnMemory). info: a quarter.",
    ],
    remedy: [
      "Find who does not take the data: orphans-stuck. Raise tcp_max_orphans only with memory for it (2.4 KB and the unsent data each). Not a smaller tcp_orphan_retries: it cuts off slow peers, too.",
    ],
    sources: ["tcp_check_oom, tcp_out_of_resources, __tcp_close; tcp(7)"],
  },
  find(snapshot) {
    const orphans = snapshot.now.counters["sockstat.TCP.orphan"];
    const limit = parseSysctlNumber(snapshot.settings[SETTING]);
    const aborted = growthOf(snapshot, "TcpExt.TCPAbortOnMemory");
    const grown = aborted?.grown ?? 0;
    const share =
      orphans === undefined || limit === undefined ? 0 : limit === 0 ? Number(orphans > 0) : orphans / limit;
    const level = share >= 1 ? "critical" : share >= SECOND_RESETS || grown > 0 ? "warning" : "info";
    if (level === "info" && share < FIRST_RESETS) return [];

    const watched = watchedMs(snapshot);
    const counts =
      orphans === undefined || limit === undefined ? undefined : `${countText(orphans)} of ${countText(limit)}`;
    const finding: Finding = {
      code: "orphans-limit",
      level,
      title:
        share >= FIRST_RESETS && counts !== undefined
          ? `${counts} orphaned connections (tcp_max_orphans)`
          : `the kernel reset ${amountText(grown, "closed connection")} for want of memory`,
      text: `${
        grown > 0
          ? `In the last ${durationText(watched ?? 0)} the kernel reset ${amountText(grown, "connection")} that programs had closed (TCPAbortOnMemory): what was not delivered is lost.`
          : share >= 1
            ? "Every close() with data under way is a reset now: that data is lost."
            : `The kernel already resets those that are stuck; at the limit it resets each that is closed, and what was not delivered is lost.`
      } The limit is for all network namespaces together.`,
      evidence: {
        ...(orphans === undefined ? {} : { orphans }),
        ...(limit === undefined ? {} : { limit }),
        ...(aborted === undefined ? {} : { abortedSoFar: aborted.soFar }),
        ...(aborted?.grown === undefined || watched === undefined ? {} : { aborted: grown, watchedMs: watched }),
      },
      advice: [
        {
          text: "see whom they are for",
          command: lookingCommand(snapshot.asker, ["ls", "state fin-wait-1 or state last-ack or state closing"]),
          costs: "nothing",
        },
        ...(limit === undefined || limit === 0 ? [] : [raise(limit, snapshot.rootPrefix)]),
      ],
    };
    return [finding];
  },
};

function raise(limit: number, rootPrefix: string): Finding["advice"][number] {
  const megabytes = Math.ceil((limit * 2 * BYTES_EACH) / 2 ** 20);
  return {
    text: `raise the limit, in the machine's own network namespace: ${countText(limit * 2)} take ${countText(megabytes)} MB and their data`,
    command: `${rootPrefix}sysctl -w ${SETTING}=${limit * 2}`,
    costs: "nothing",
  };
}
