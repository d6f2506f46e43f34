/** What is known of one kernel setting. `doctor` audits by it, `explain` shows it: at most one screen of 80x24. */
export interface SysctlKnowledge {
  /** Dotted: "net.ipv4.tcp_tw_reuse". */
  readonly name: string;
  /** What it really does, in one or two sentences. */
  readonly does: string;
  /** What is said of it, and what is wrong with that. */
  readonly folklore?: string;
  /** What differs by kernel version. */
  readonly versions?: readonly string[];
  /** The kernel's own default, where it does not depend on the machine's memory. */
  readonly defaultValue?: string;
  /** The last kernel that had it, for one that is gone. */
  readonly goneAfter?: string;
  /** What to do about it, if anything. */
  readonly advice: string;
  /** Kernel functions, commits, RFC sections, man pages. */
  readonly sources: readonly string[];
}
