/** `free` for a person: what will be done, then what came of it, and whether the port can be bound. */
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { DoneStep, FreePlan, FreeRefusal, FreeResult, FreeStep } from "../tcp/free-plan.ts";
import { escapeText } from "./escape.ts";
import { renderProcessTree } from "./process-tree.ts";
import type { Style } from "./style.ts";
import { hang, textWidth } from "./text-layout.ts";

export interface FreeView {
  readonly style: Style;
  readonly width: number;
  readonly verbose: boolean;
}

/** A word in front, what it is about behind it. */
interface Row {
  readonly label: string;
  readonly paint: (text: string) => string;
  readonly text: string;
  /** Never wrapped: it is there to be pasted. */
  readonly command?: string | undefined;
}

const MOST_STEPS = 12;
const MOST_SPARED = 3;

export function renderFreePlan(plan: FreePlan, view: FreeView): string {
  const { style } = view;
  const rows = [
    ...stepRows(plan.plan, style, () => undefined),
    ...supervisorRows(plan, style),
    ...refusalRows(plan.refused, "refused", style),
    ...sparedRows(plan, view),
  ];
  return text([...tree(plan, view), ...layout(rows, view)]);
}

/** `planShown`: it was on the terminal a moment ago. */
export function renderFreeResult(result: FreeResult, view: FreeView & { readonly planShown: boolean }): string {
  const { style } = view;
  if (result.declined === true) return "nothing was done\n";
  if (result.dryRun === true) {
    const free = result.endpoints.filter(({ bindable }) => bindable);
    return `${renderFreePlan(result, view)}${text(endings({ ...result, endpoints: free }, view))}${style.dim("nothing was done (--dry-run)")}\n`;
  }
  const shown = new Set(view.planShown ? result.done.filter(wasForeseen) : []);
  const news = result.done.filter(
    (done) => !shown.has(done) && !(done.ifNeeded === true && done.result === "not-needed"),
  );
  const begun = result.done.length > 0;
  const rows = [
    ...stepRows(news, style, resultText(result)),
    ...(begun ? cameBackRows(result, style) : []),
    ...(view.planShown || result.cameBack !== undefined ? [] : supervisorRows(result, style)),
    ...refusalRows(result.refused, begun ? "stuck" : "refused", style),
    ...(view.planShown ? [] : sparedRows(result, view)),
  ];
  return text([...layout(rows, view), ...endings(result, view)]);
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** All texts begin in the same column. */
function layout(rows: readonly Row[], { style, width }: FreeView): string[] {
  const wide = Math.max(0, ...rows.map(({ label }) => textWidth(label)));
  return rows.map(({ label, paint, text: about, command }) => {
    const first = `  ${paint(label)}${" ".repeat(wide - textWidth(label))}  `;
    const paragraph = hang(first, escapeText(about), width);
    return command === undefined
      ? paragraph
      : `${paragraph}\n${" ".repeat(wide + 4)}${style.accent(`$ ${escapeText(command)}`)}`;
  });
}

/** What would be said twice, for two ports, is said once, at its last place. */
function stepRows<T extends FreeStep>(
  all: readonly T[],
  { accent }: Style,
  after: (step: T) => string | undefined,
): Row[] {
  const rows = new Map<string, Row>();
  for (const step of all) {
    const label = step.kind === "signal" ? step.signal : step.kind;
    const more = after(step);
    const row = { label, paint: accent, text: more === undefined ? step.text : `${step.text}; ${more}` };
    const key = `${label} ${row.text}`;
    rows.delete(key);
    rows.set(key, row);
  }
  const few = [...rows.values()].slice(0, MOST_STEPS);
  const left = rows.size - few.length;
  return left === 0 ? few : [...few, { label: "", paint: accent, text: `and ${left} more of the kind` }];
}

function tree({ tree: lines }: FreePlan, { style, width }: FreeView): string[] {
  if (lines.length === 0) return [];
  const drawn = renderProcessTree(lines, { style, ascii: style.ascii, width: width - 2 });
  return drawn.split("\n").map((line) => `  ${line}`);
}

/** That it was needed is news, and so is what came of it besides. */
function wasForeseen({ result, ifNeeded, why }: DoneStep): boolean {
  return (result === "ok" && ifNeeded !== true && why === undefined) || result === "not-needed";
}

/** A step that failed is no failure where the next one did it. */
function resultText({ bindable }: FreeResult): (done: DoneStep) => string | undefined {
  return ({ result, why, ifNeeded }) => {
    switch (result) {
      case "ok":
        return why ?? (ifNeeded === true ? "that was needed" : undefined);
      case "gone":
        return why ?? "it had gone already";
      case "not-needed":
        return "not needed";
      case "failed":
        return bindable && why !== undefined ? why : `FAILED: ${why ?? "without a reason"}`;
      case "interrupted":
        return why === undefined ? "not begun" : `interrupted: ${why}`;
    }
  };
}

function supervisorRows({ supervisors }: FreePlan, { warn }: Style): Row[] {
  return supervisors.map(({ text: clause, command }) => ({ label: "mind", paint: warn, text: clause, command }));
}

function cameBackRows({ cameBack }: FreeResult, { bad }: Style): Row[] {
  return cameBack === undefined
    ? []
    : [{ label: "came back", paint: bad, text: cameBack.text, command: cameBack.command }];
}

function refusalRows(refused: readonly FreeRefusal[], label: string, { bad }: Style): Row[] {
  return refused.map(({ text: why, command }) => ({ label, paint: bad, text: why, command }));
}

function sparedRows({ spared }: FreePlan, { style: { bold }, verbose }: FreeView): Row[] {
  const few = verbose ? spared : spared.slice(0, MOST_SPARED);
  const rows = few.map((one) => ({ label: "spared", paint: bold, text: one.text }));
  const left = spared.length - few.length;
  return left === 0 ? rows : [...rows, { label: "", paint: bold, text: `and ${left} more are spared (-v shows them)` }];
}

function endings(result: FreeResult, { style }: FreeView): string[] {
  const { endpoints, done, refused, interrupted } = result;
  return endpoints.map(({ bindable, address, port, protocol }) => {
    const where = address === "::" || address === "0.0.0.0" ? `port ${port}` : formatEndpoint({ address, port });
    const name = `${protocol === "udp" ? "UDP " : ""}${where}`;
    const isAbout = ({ socket }: { readonly socket?: FreeRefusal["socket"] }): boolean => socket?.local.port === port;
    const touched = done.some((step) => step.kind !== "container" && isAbout(step));
    if (bindable)
      return style.good(
        touched || (endpoints.length === 1 && done.length > 0)
          ? `${name} is free: a bind works`
          : `${name} can be bound already`,
      );
    // Without a socket in the way it is the address, or a right.
    const taken = touched || done.length > 0 || refused.some(isAbout) || refused.length === 0;
    return style.bad(
      `${interrupted === true ? "interrupted: " : ""}${name} ${taken ? "is still taken" : "cannot be bound"}`,
    );
  });
}
