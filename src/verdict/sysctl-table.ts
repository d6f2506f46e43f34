/** The kernel settings that folklore turns: what each really does. `doctor` audits by this table, `explain` shows it. */
import type { SysctlKnowledge } from "./sysctl-knowledge.ts";
import { CLOSING_SYSCTLS } from "./sysctls/closing.ts";
import { LISTENING_SYSCTLS } from "./sysctls/listening.ts";
import { PORT_SYSCTLS } from "./sysctls/ports.ts";
import { TIME_WAIT_SYSCTLS } from "./sysctls/time-wait.ts";

export type { SysctlKnowledge } from "./sysctl-knowledge.ts";

export const SYSCTLS: readonly SysctlKnowledge[] = [
  ...TIME_WAIT_SYSCTLS,
  ...CLOSING_SYSCTLS,
  ...PORT_SYSCTLS,
  ...LISTENING_SYSCTLS,
];

export function findSysctl(name: string): SysctlKnowledge | undefined {
  return SYSCTLS.find((sysctl) => sysctl.name === name);
}
