/** Every setting of the table, as it is on this machine and what can be said of it. Pure. */
import type { HealthSnapshot } from "../tcp/health-snapshot.ts";
import { SYSCTLS } from "./sysctl-table.ts";
import type { SysctlKnowledge } from "./sysctl-knowledge.ts";
import { computedDefault, isFirstNamespace } from "./sysctls/judgement.ts";
import type { SysctlJudgement } from "./sysctls/judgement.ts";
import { OTHER_JUDGES } from "./sysctls/judge-others.ts";
import { TIME_WAIT_JUDGES } from "./sysctls/judge-time-wait.ts";

const JUDGES = { ...TIME_WAIT_JUDGES, ...OTHER_JUDGES };

export interface SysctlAudit {
  readonly name: string;
  /** Left out: this kernel does not have it, or does not show it here. */
  readonly value?: string;
  /** Left out where it hangs on memory and cannot be computed. */
  readonly defaultValue?: string;
  readonly does: string;
  readonly judgement: SysctlJudgement;
}

/** In the order of the table, those that are gone from this kernel included. */
export function auditSysctls(snapshot: HealthSnapshot): SysctlAudit[] {
  return SYSCTLS.map((known) => audit(known, snapshot));
}

function audit(known: SysctlKnowledge, snapshot: HealthSnapshot): SysctlAudit {
  const { name, does } = known;
  const set = snapshot.settings[name];
  const value = set === undefined ? undefined : normalValue(set);
  const defaultValue = computedDefault(name, snapshot) ?? known.defaultValue;
  return {
    name,
    ...(value === undefined ? {} : { value }),
    ...(defaultValue === undefined ? {} : { defaultValue }),
    does,
    judgement: value === undefined ? { verdict: "absent" } : judge(name, value, defaultValue, snapshot),
  };
}

function judge(
  name: string,
  value: string,
  defaultValue: string | undefined,
  snapshot: HealthSnapshot,
): SysctlJudgement {
  if (value === defaultValue) return { verdict: "default" };
  const judged = JUDGES[name]?.(value, snapshot);
  if (judged !== undefined) return judged;
  return { verdict: defaultValue === undefined ? "default" : "changed" };
}

/** Words of a value by one space, as /proc/sys writes tabs and files what they like. */
export function normalValue(value: string): string {
  return value.trim().split(/\s+/).join(" ");
}

/** Where a file sets it at boot: the last line counts. */
export function configuredLine(
  name: string,
  snapshot: HealthSnapshot,
): HealthSnapshot["configured"][number] | undefined {
  return isFirstNamespace(snapshot) ? snapshot.configured.findLast((line) => line.name === name) : undefined;
}
