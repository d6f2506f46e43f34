/** `doctor` for a person: the worst first, each finding with what was seen and what to do; and a friendly line when nothing is wrong. */
import type { SysctlAudit } from "../verdict/audit-sysctls.ts";
import type { Evidence, Finding, FindingLevel } from "../verdict/findings/finding.ts";
import { adviceText } from "./advice-text.ts";
import { amountText, durationText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { renderSysctls } from "./sysctl-text.ts";
import { hang } from "./text-layout.ts";

export interface DoctorView {
  readonly style: Style;
  readonly width: number;
  /** The evidence too, as the JSON has it (the text has said what matters of it), and the audit of the kernel's settings. */
  readonly verbose: boolean;
  /** Only some findings were looked for. */
  readonly some?: boolean;
}

export interface DoctorAnswer {
  readonly findings: readonly Finding[];
  readonly hidden: number;
  readonly sysctls: readonly SysctlAudit[];
  readonly looked: { readonly sockets: number; readonly listeners: number; readonly processes: number };
}

const MOST_ITEMS = 3;

export function renderDoctor(answer: DoctorAnswer, view: DoctorView): string {
  const { findings, sysctls, looked } = answer;
  // The longest and least urgent first: what is wrong stays on the screen.
  const blocks = view.verbose && view.some !== true && sysctls.length > 0 ? [renderSysctls(sysctls, view)] : [];
  blocks.push(...findings.map((finding) => renderFinding(finding, view)));
  const more = findings[0] === undefined ? "" : ` More: portmortem explain ${findings[0].code}`;
  return `${[...blocks, hang("", `${verdict(answer, view)} ${lookedText(looked)}${more}`, view.width)].join("\n\n")}\n`;
}

function verdict({ findings, hidden }: DoctorAnswer, { style, some }: DoctorView): string {
  const count = (wanted: FindingLevel): number => findings.filter(({ level }) => level === wanted).length;
  const [critical, warning, info] = [count("critical"), count("warning"), count("info")];
  const notes = [
    ...(info === 0 ? [] : [`${info} to know`]),
    ...(hidden === 0 ? [] : [`${hidden} below the level asked for`]),
  ];
  if (critical + warning === 0) {
    const nothing = hidden > 0 || some === true ? "No warning of those asked for" : style.good("Nothing is wrong");
    return `${[nothing, ...notes].join(", ")}.`;
  }
  const parts = [
    ...(critical === 0 ? [] : [style.bad(`${critical} critical`)]),
    ...(warning === 0 ? [] : [style.warn(`${warning} warning${warning > 1 ? "s" : ""}`)]),
    ...notes,
  ];
  return `${parts.join(", ")}.`;
}

function lookedText({ sockets, listeners, processes }: DoctorAnswer["looked"]): string {
  return `Looked at ${amountText(sockets, "socket")}, ${amountText(listeners, "listener")} among them, and ${amountText(processes, "process", "processes")}.`;
}

function renderFinding(
  { code, level, title, text, evidence, advice }: Finding,
  { style, width, verbose }: DoctorView,
): string {
  const mark = { critical: style.bad, warning: style.warn, info: style.accent }[level](level);
  const parts = Object.entries(verbose ? evidence : {}).map(([name, value]) => evidenceText(name, value));
  const lines = [
    hang(`${mark}  `, `${style.bold(escapeText(title))} ${style.dim(`[${code}]`)}`, width),
    hang("  ", escapeText(text), width),
    ...(parts.length === 0 ? [] : [style.dim(hang("  ", parts.join(", "), width))]),
    ...advice.map((one) => adviceText(one, { style, width })),
  ];
  return lines.join("\n");
}

/** "oldestMs: 81000" → "oldest 81 s", "localPort: 80" → "local port 80". */
function evidenceText(name: string, value: Evidence): string {
  const isMs = name.endsWith("Ms") && typeof value === "number";
  const words = (isMs ? name.slice(0, -2) : name).replace(
    /([a-z0-9])([A-Z])/g,
    (_, a: string, b: string) => `${a} ${b}`,
  );
  return `${words.toLowerCase()} ${isMs ? durationText(value) : valueText(value)}`;
}

function valueText(value: Evidence): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(2);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return escapeText(value);
  if (isList(value)) {
    const rest = value.length - MOST_ITEMS;
    const shown = value.slice(0, MOST_ITEMS).map(valueText).join("; ");
    return value.length === 0 ? "none" : rest > 0 ? `${shown} and ${rest} more` : shown;
  }
  return Object.entries(value)
    .map(([name, each]) => evidenceText(name, each))
    .join(" ");
}

function isList(value: Evidence): value is readonly Evidence[] {
  return Array.isArray(value);
}
