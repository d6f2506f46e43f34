/** TIME-WAIT against tcp_max_tw_buckets: past it, connections end without TIME-WAIT. */
import { amountText, countText, durationText } from "../../base/duration.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { parseSysctlNumber } from "../../tcp/sysctl-values.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { growthOf, watchedMs } from "./growth.ts";

const SETTING = "net.ipv4.tcp_max_tw_buckets";
/** The kernel keeps what is there and skips what is new, so nothing is wrong below the limit: a tenth is room for one more burst. */
const NEAR = 0.9;
/** struct tcp_timewait_sock takes 256 bytes (tw_sock_TCP of /proc/slabinfo, Linux 6.18). */
const BYTES_EACH = 256;
/** The kernel's own value on a machine with much memory; a command that raises the limit starts here. */
const LARGE_LIMIT = 262_144;

export const TIME_WAIT_LIMIT: FindingDefinition = {
  code: "time-wait-limit",
  title: "TIME-WAIT has reached tcp_max_tw_buckets, or is near it",
  about: {
    meaning: [
      "Past tcp_max_tw_buckets the kernel closes connections without TIME-WAIT: a lost last ACK is then answered with a reset, and late segments can reach the next connection with the same ports. Those already waiting stay.",
      "warning: TCPTimeWaitOverflow grew between two looks (--watch). info: 90 % of the limit is used, or it was passed at some time.",
    ],
    remedy: [
      "Raise the limit: a TIME-WAIT takes 256 bytes, 262144 of them 64 MB. Lowering it, as is often advised, is what causes this. Better: fewer of them (time-wait-pile).",
    ],
    sources: ["inet_twsk_alloc, tcp_time_wait; RFC 9293 3.6.1; RFC 1337"],
  },
  find(snapshot) {
    const overflow = growthOf(snapshot, "TcpExt.TCPTimeWaitOverflow");
    const limit = parseSysctlNumber(snapshot.settings[SETTING]);
    // What the kernel compares: FIN-WAIT-2 without a program is kept in the same way, and counts.
    const total = snapshot.now.counters["sockstat.TCP.tw"] ?? snapshot.now.timeWait.total;
    const held = orphansInFinWait2(snapshot);
    const grown = overflow?.grown ?? 0;
    const passed = overflow?.soFar ?? 0;
    const near = limit !== undefined && total >= limit * NEAR;
    if (grown === 0 && passed === 0 && !near) return [];

    const watched = watchedMs(snapshot);
    const finding: Finding = {
      code: "time-wait-limit",
      level: grown > 0 ? "warning" : "info",
      title:
        grown > 0
          ? `TIME-WAIT is full: ${amountText(grown, "connection")} ended without it in ${durationText(watched ?? 0)}`
          : near
            ? `TIME-WAIT${held === 0 ? "" : " and FIN-WAIT-2"}: ${countText(total)} of ${countText(limit)} (tcp_max_tw_buckets)`
            : `TIME-WAIT was full: ${amountText(passed, "connection")} so far ended without it`,
      text: `${
        passed === 0
          ? "Once the limit is reached, connections end without TIME-WAIT"
          : `${amountText(passed, "connection")} ended without TIME-WAIT so far, because the limit was reached`
      }: a lost last ACK is answered with a reset, and late segments can reach a new connection with the same ports.${limit === undefined ? "" : ` Now there are ${countText(total)} of ${countText(limit)}${held === 0 ? "" : `: ${countText(held)} of them are closed connections in FIN-WAIT-2, which count as well`}.`}`,
      evidence: {
        timeWait: Math.max(0, total - held),
        ...(held === 0 ? {} : { finWait2: held }),
        ...(limit === undefined ? {} : { limit }),
        ...(overflow === undefined ? {} : { overflowsSoFar: overflow.soFar }),
        ...(overflow?.grown === undefined || watched === undefined ? {} : { overflows: grown, watchedMs: watched }),
      },
      advice: limit === undefined ? [] : [raise(limit, snapshot.rootPrefix)],
    };
    return [finding];
  },
};

function orphansInFinWait2({ now }: HealthSnapshot): number {
  const withProgram = now.groups
    .filter(({ kind }) => kind === "fin-wait-2-held")
    .reduce((sum, { count }) => sum + count, 0);
  return Math.max(0, (now.states["FIN-WAIT-2"] ?? 0) - withProgram);
}

function raise(limit: number, rootPrefix: string): Finding["advice"][number] {
  const value = Math.max(LARGE_LIMIT, limit * 2);
  return {
    text: `raise the limit: ${countText(value)} of them take ${Math.round((value * BYTES_EACH) / 2 ** 20)} MB at most`,
    command: `${rootPrefix}sysctl -w ${SETTING}=${value}`,
    costs: "nothing",
  };
}
