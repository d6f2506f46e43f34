/** What can be said of a setting's value on this machine, and what the judges of the single settings share. Pure. */
import { olderThan } from "../../base/kernel-release.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { parseSysctlNumber } from "../../tcp/sysctl-values.ts";

export type SysctlJudgement =
  /** As the kernel sets it by itself. */
  | { readonly verdict: "default" }
  /** Somebody set it, and nothing is to be said against it. */
  | { readonly verdict: "changed" }
  | { readonly verdict: "harmful"; readonly level: "info" | "warning"; readonly why: string; readonly better: string }
  /** Set in the hope of something that it does not do. */
  | { readonly verdict: "no-effect"; readonly why: string; readonly better?: string }
  /** This kernel does not have it, or does not show it here. */
  | { readonly verdict: "absent" };

/** Judges a value; undefined where there is nothing to say against it. */
export type Judge = (value: string, snapshot: HealthSnapshot) => SysctlJudgement | undefined;

export function harmful(level: "info" | "warning", why: string, better: string): SysctlJudgement {
  return { verdict: "harmful", level, why, better };
}

export function noEffect(why: string, better?: string): SysctlJudgement {
  return { verdict: "no-effect", why, ...(better === undefined ? {} : { better }) };
}

export function settingNumber(snapshot: HealthSnapshot, name: string): number | undefined {
  return parseSysctlNumber(snapshot.settings[name]);
}

/** The default where it hangs on the kernel's version or on the size of its hash table; undefined: not known. */
export function computedDefault(name: string, snapshot: HealthSnapshot): string | undefined {
  const { kernelRelease } = snapshot.system;
  // Hash buckets of the TCP table, since 6.1. Negative in a network namespace that shares the table of the first one; the limits are made of the same number.
  const entries = settingNumber(snapshot, "net.ipv4.tcp_ehash_entries");
  const buckets = entries === undefined ? undefined : Math.abs(entries);
  switch (name) {
    case "net.core.somaxconn":
      return olderThan(kernelRelease, 5, 4) ? "128" : "4096";
    case "net.ipv4.tcp_tw_reuse":
      return olderThan(kernelRelease, 4, 19) ? "0" : "2";
    case "net.ipv4.tcp_max_tw_buckets":
    case "net.ipv4.tcp_max_orphans":
      return buckets === undefined ? undefined : String(buckets / 2);
    case "net.ipv4.tcp_max_syn_backlog":
      return buckets === undefined ? undefined : String(Math.max(128, buckets / 128));
    default:
      return undefined;
  }
}

/**
 * The settings of this network namespace are those that the files in /etc set. tcp_max_orphans is shown in the machine's first network
 * namespace only (ipv4_table of net/ipv4/sysctl_net_ipv4.c); files are applied there, and nowhere else.
 */
export function isFirstNamespace({ settings }: HealthSnapshot): boolean {
  return settings["net.ipv4.tcp_max_orphans"] !== undefined;
}
