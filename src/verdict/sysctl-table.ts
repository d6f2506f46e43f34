/** The kernel settings that folklore turns: what each really does. `doctor` audits by this table, `explain` shows it. */

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
  /** What to do about it, if anything. */
  readonly advice: string;
  /** Kernel functions, commits, RFC sections, man pages. */
  readonly sources: readonly string[];
}

export const SYSCTLS: readonly SysctlKnowledge[] = [];
