/** `free` for a person: what will be done, then what came of it, and whether the port can be bound. */
import type { DoneStep, FreePlan, FreeRefusal, FreeResult, FreeStep } from "../tcp/free-plan.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import { renderProcessTree } from "./process-tree.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { hang, textWidth } from "./text-layout.ts";

export interface FreeView {
  readonly style: Style;
  readonly width: number;
  readonly verbose: boolean;
}

const MOST_LINES = 12;

export function renderFreePlan(plan: FreePlan, view: FreeView): string {
  return text([
    ...tree(plan, view),
    ...steps(plan.plan, view, () => undefined),
    ...supervisors(plan, view),
    ...refusals(plan.refused, view),
    ...spared(plan, view),
  ]);
}

/** `planShown`: it was on the terminal a moment ago. */
export function renderFreeResult(result: FreeResult, view: FreeView & { readonly planShown: boolean }): string {
  const { style } = view;
  if (result.declined === true) return "nothing was done\n";
  if (result.dryRun === true)
    return `${renderFreePlan(result, view)}${text(result.plan.length === 0 ? endings(result, view) : [])}${style.dim("nothing was done (--dry-run)")}\n`;
  const shown = new Set(view.planShown ? result.done.filter(wentWell) : []);
  return text([
    ...steps(
      result.done.filter((done) => !shown.has(done) && !(done.ifNeeded === true && done.result === "not-needed")),
      view,
      resultText,
    ),
    ...(result.done.length === 0 ? [] : cameBack(result, view)),
    ...refusals(result.refused, view),
    ...(view.planShown ? [] : spared(result, view)),
    ...endings(result, view),
  ]);
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function steps<T extends FreeStep>(
  all: readonly T[],
  { style, width }: FreeView,
  after: (step: T) => string | undefined,
): string[] {
  const labels = all.map((step) => (step.kind === "signal" ? step.signal : step.kind));
  const wide = Math.max(0, ...labels.map(textWidth));
  const lines = all.slice(0, MOST_LINES).map((step, at) => {
    const label = labels[at]!;
    const more = after(step);
    const first = `  ${style.accent(label)}${" ".repeat(wide - textWidth(label))}  `;
    return hang(first, escapeText(more === undefined ? step.text : `${step.text}: ${more}`), width);
  });
  return all.length > MOST_LINES ? [...lines, `  and ${all.length - MOST_LINES} more of the kind`] : lines;
}

function tree({ tree: lines }: FreePlan, { style, width }: FreeView): string[] {
  if (lines.length === 0) return [];
  const drawn = renderProcessTree(lines, { style, ascii: style.ascii, width: width - 2 });
  return drawn.split("\n").map((line) => `  ${line}`);
}

function wentWell({ result }: DoneStep): boolean {
  return result === "ok" || result === "not-needed";
}

function resultText({ result, why }: DoneStep): string | undefined {
  switch (result) {
    case "ok":
      return undefined;
    case "gone":
      return why ?? "it had gone already";
    case "not-needed":
      return "not needed";
    case "failed":
      return `FAILED, ${why ?? "without a reason"}`;
    case "interrupted":
      return why === undefined ? "not begun" : `interrupted, ${why}`;
  }
}

function supervisors(plan: FreePlan, { style, width }: FreeView): string[] {
  return plan.supervisors.map(({ text: clause, command }) =>
    withCommand(hang(`  ${style.warn("mind")}  `, escapeText(clause), width), command, style),
  );
}

function cameBack({ cameBack: back }: FreeResult, { style, width }: FreeView): string[] {
  if (back === undefined) return [];
  return [withCommand(hang(`  ${style.bad("came back")}  `, escapeText(back.text), width), back.command, style)];
}

function refusals(refused: readonly FreeRefusal[], { style, width }: FreeView): string[] {
  return refused.map(({ text: why, command }) =>
    withCommand(hang(`  ${style.bad("not touched")}  `, escapeText(why), width), command, style),
  );
}

function spared({ spared: all }: FreePlan, { style, width, verbose }: FreeView): string[] {
  const few = verbose ? all : all.slice(0, 3);
  const lines = few.map((one) => hang(`  ${style.bold("spared")}  `, escapeText(one.text), width));
  return all.length > few.length
    ? [...lines, `  and ${all.length - few.length} more are spared (-v shows them)`]
    : lines;
}

/** A command is never wrapped: it is there to be pasted. */
function withCommand(line: string, command: string | undefined, style: Style): string {
  return command === undefined ? line : `${line}\n      ${style.accent(`$ ${escapeText(command)}`)}`;
}

function endings({ endpoints, done, interrupted }: FreeResult, { style }: FreeView): string[] {
  return endpoints.map(({ bindable, address, port, protocol }) => {
    const where = address === "::" || address === "0.0.0.0" ? `port ${port}` : formatEndpoint({ address, port });
    const name = `${protocol === "udp" ? "UDP " : ""}${where}`;
    if (bindable)
      return style.good(done.length === 0 ? `${name} can be bound already` : `${name} is free: a bind works`);
    return style.bad(`${interrupted === true ? "interrupted: " : ""}${name} is still taken`);
  });
}
