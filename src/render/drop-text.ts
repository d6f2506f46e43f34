/** `drop` for a person: what will be done and what the two ends see of it; then what was done, what is gone, what was not. */
import type { DropPlan, DropResult } from "../tcp/drop-result.ts";
import type { DropFailure, DropStep, PeerPorts } from "../tcp/drop-result.ts";
import { countText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";
import { endpointText } from "./socket-text.ts";
import type { Style } from "./style.ts";
import { hang } from "./text-layout.ts";

export interface DropView {
  readonly style: Style;
  readonly width: number;
}

const MOST_LINES = 12;

export function renderDropPlan(plan: DropPlan, view: DropView): string {
  const planned = plan.plan.reduce((sum, { count }) => sum + count, 0);
  const lines = listed(plan.plan, (step) => stepLine(step, view), view);
  const rest = plan.matched - planned - plan.failed.reduce((sum, { count }) => sum + count, 0);
  if (rest > 0) lines.push(hang(view.style.bullet, `${countText(rest)} more match, beyond --limit`, view.width));
  const gentle = gentleWay(plan);
  if (gentle !== undefined) lines.push(hang(view.style.bullet, gentle, view.width));
  return [...lines, ...failureLines(plan.failed, view), ...sparedLines(plan, view), ...portLines(plan, view)]
    .map((line) => `${line}\n`)
    .join("");
}

/** `planShown`: it was on the terminal a moment ago. */
export function renderDropResult(result: DropResult, view: DropView & { readonly planShown: boolean }): string {
  const { style, width } = view;
  if (result.matched === 0) return "no connections match\n";
  if (result.dryRun === true) return `${renderDropPlan(result, view)}${style.dim("nothing was done (--dry-run)")}\n`;
  if (result.declined === true) return "nothing was done\n";
  const lines = view.planShown ? [] : listed(result.plan, (step) => stepLine(step, view), view);
  const planned = result.plan.reduce((sum, { count }) => sum + count, 0);
  const interrupted = result.interrupted === true ? `interrupted: ` : "";
  const parts = [`${countText(result.dropped)} of ${countText(result.matched)} dropped`];
  if (result.gone > 0) parts.push(result.gone === planned ? "all gone" : `${countText(result.gone)} gone`);
  if (result.closing !== undefined) parts.push(`${countText(result.closing)} closing in order`);
  const colour = result.failed.length > 0 || result.interrupted === true ? style.warn : style.good;
  lines.push(hang("", colour(`${interrupted}${parts.join(", ")}`), width));
  return [
    ...lines,
    ...failureLines(result.failed, view),
    ...(view.planShown ? [] : sparedLines(result, view)),
    ...portLines(result, view),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function stepLine({ kind, text }: DropStep, { style, width }: DropView): string {
  return hang(`  ${style.accent(kind)}  `, escapeText(text), width);
}

function listed<T>(items: readonly T[], line: (item: T) => string, { style, width }: DropView): string[] {
  const shown = items.slice(0, MOST_LINES).map(line);
  const rest = items.length - shown.length;
  return rest > 0 ? [...shown, hang(style.bullet, `and ${rest} more of the kind`, width)] : shown;
}

function gentleWay({ plan }: DropPlan): string | undefined {
  const could = plan.some(({ gentler }) => gentler !== undefined);
  return could ? "gentler: --how shutdown delivers what was written, and both ends see an ordinary end" : undefined;
}

function failureLines(failed: readonly DropFailure[], view: DropView): string[] {
  const { style, width } = view;
  return listed(
    failed,
    ({ count, socket, text, command }) => {
      const peer = socket.remote === undefined ? "" : ` to ${endpointText(socket.remote)}`;
      const which =
        count === 1
          ? `${endpointText(socket.local)}${peer} (${socket.state})`
          : `${countText(count)} such as ${endpointText(socket.local)}${peer} (${socket.state})`;
      const line = hang(`  ${style.bad("not dropped")}  `, escapeText(`${which}: ${text}`), width);
      return command === undefined ? line : `${line}\n      ${style.accent(`$ ${escapeText(command)}`)}`;
    },
    view,
  );
}

function sparedLines({ spared }: DropPlan, { style, width }: DropView): string[] {
  return spared.map(({ text }) => hang(`  ${style.bold("spared")}  `, escapeText(text), width));
}

function portLines({ localPorts }: { readonly localPorts: readonly PeerPorts[] }, { width }: DropView): string[] {
  return localPorts.map(({ peer, localAddress, before, after, of }) => {
    const now =
      after === undefined
        ? `${countText(before)} of ${countText(of)} are usable now`
        : `${countText(after)} of ${countText(of)} are usable, ${countText(before)} before`;
    return hang("  ", `local ports of ${localAddress} for connections to ${endpointText(peer)}: ${now}`, width);
  });
}
