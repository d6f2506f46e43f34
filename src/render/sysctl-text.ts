/** The audit of the kernel's settings for a person: the value, what is to be said of it, what it really does. */
import type { SysctlAudit } from "../verdict/audit-sysctls.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { hang } from "./text-layout.ts";

export interface SysctlView {
  readonly style: Style;
  readonly width: number;
}

export function renderSysctls(rows: readonly SysctlAudit[], view: SysctlView): string {
  return [view.style.bold("kernel settings"), ...rows.map((row) => renderRow(row, view))].join("\n");
}

function renderRow(row: SysctlAudit, { style, width }: SysctlView): string {
  const { name, value, does } = row;
  const head = value === undefined ? name : `${name} = ${value}`;
  return [
    hang("  ", `${style.accent(escapeText(head))}  ${judgementText(row, style)}`, width),
    hang("      ", does, width),
  ].join("\n");
}

function judgementText({ judgement, defaultValue }: SysctlAudit, style: Style): string {
  switch (judgement.verdict) {
    case "default":
      return style.dim("the kernel's own value");
    case "changed":
      return defaultValue === undefined ? "changed" : `changed, the kernel's own is ${escapeText(defaultValue)}`;
    case "harmful":
    case "no-effect":
      return style.warn(escapeText(judgement.why));
    case "absent":
      return style.dim("not on this kernel, or not shown here");
  }
}
