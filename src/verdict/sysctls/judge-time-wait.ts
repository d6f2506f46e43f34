/** When a setting of TIME-WAIT is set in a harmful way, or in vain. Pure. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { computedDefault, harmful, noEffect, settingNumber } from "./judgement.ts";
import type { Judge, SysctlJudgement } from "./judgement.ts";

/** One that closes 17 connections a second has a thousand TIME-WAITs: fewer than that are soon used up on any server. */
const TINY_BUCKETS = 1024;
/** What a machine with 2 GiB of memory starts with: below, where the default is not known, it may have been lowered. */
const SURELY_LOWERED = 8192;
/** From here on a peer that closes a few seconds late is cut off. */
const SHORT_FIN_TIMEOUT_S = 10;
/** Ten times what the slowest sensible peer takes; every dead peer's connection is kept as a whole socket meanwhile. */
const LONG_FIN_TIMEOUT_S = 300;

export const TIME_WAIT_JUDGES: Readonly<Record<string, Judge>> = {
  "net.ipv4.tcp_tw_recycle": (value) =>
    value === "0"
      ? undefined
      : harmful(
          "warning",
          "clients that share an address behind NAT are refused at random: their SYNs are dropped",
          "0",
        ),

  "net.ipv4.tcp_tw_reuse": (value, snapshot) =>
    value !== "0" && snapshot.settings["net.ipv4.tcp_timestamps"] === "0" && value !== "2"
      ? noEffect("without tcp_timestamps no TIME-WAIT is ever reused")
      : undefined,

  "net.ipv4.tcp_tw_reuse_delay": (value, snapshot) => {
    if (Number(value) >= 1000 || snapshot.settings["net.ipv4.tcp_tw_reuse"] !== "1") return undefined;
    return harmful(
      "info",
      `a peer whose timestamp clock ticks slower than every ${value} ms can take old segments for new ones; RFC 7323 allows ticks of up to 1 s`,
      "1000",
    );
  },

  "net.ipv4.tcp_fin_timeout": (value) => {
    const seconds = Number(value);
    if (seconds > LONG_FIN_TIMEOUT_S)
      return harmful(
        "warning",
        `a connection whose peer has vanished in FIN-WAIT-2 is kept as a whole socket for ${seconds} s, and counts as an orphan`,
        "60",
      );
    if (seconds < SHORT_FIN_TIMEOUT_S)
      return harmful(
        "info",
        `a peer that goes on sending for more than ${seconds} s after this side has closed is answered with RST; TIME-WAIT lasts 60 s all the same`,
        "60",
      );
    return seconds < 60
      ? noEffect("it shortens FIN-WAIT-2 only: TIME-WAIT lasts 60 s whatever this says", "60")
      : undefined;
  },

  "net.ipv4.tcp_max_tw_buckets": (value, snapshot) =>
    judgeLimit(value, snapshot, {
      name: "net.ipv4.tcp_max_tw_buckets",
      counter: "TcpExt.TCPTimeWaitOverflow",
      beyond: "connections end without TIME-WAIT, so that late segments can reach a new connection",
    }),

  "net.ipv4.tcp_timestamps": (value, snapshot) => {
    if (value !== "0") return undefined;
    const reuse = snapshot.settings["net.ipv4.tcp_tw_reuse"] === "1";
    return harmful(
      reuse ? "warning" : "info",
      reuse
        ? "tcp_tw_reuse = 1 has no effect without timestamps: local ports stay taken for 60 s"
        : "without timestamps no TIME-WAIT can be reused, and old segments are told from new ones by their sequence number only",
      "1",
    );
  },
};

interface Limit {
  readonly name: string;
  readonly counter: string;
  /** What happens to those beyond it. */
  readonly beyond: string;
}

/** For limits that exist against floods and that folklore lowers. */
export function judgeLimit(value: string, snapshot: HealthSnapshot, limit: Limit): SysctlJudgement | undefined {
  const set = settingNumber(snapshot, limit.name) ?? Number(value);
  const usual = computedDefault(limit.name, snapshot);
  if (usual === undefined ? !isSurelyLowered(set) : !(set < Number(usual))) return undefined;
  const hit = snapshot.now.counters[limit.counter] ?? 0;
  const better = usual ?? "262144";
  if (hit > 0) return harmful("warning", `${limit.beyond}; it happened ${hit} times since boot`, better);
  return harmful(set < TINY_BUCKETS ? "warning" : "info", `beyond ${set}, ${limit.beyond}`, better);
}

/**
 * Before 6.1 the size of the hash table is not told, and a machine with 1 GiB of memory starts with 4096. But the kernel's own value is half of
 * the buckets, a power of two (tcp_init, tcp_set_hashinfo): another one was set by somebody.
 */
function isSurelyLowered(set: number): boolean {
  return set < SURELY_LOWERED && !Number.isInteger(Math.log2(set));
}
