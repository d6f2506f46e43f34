/** What to do, for a person: a sentence, what it costs, and a command to paste. */
import type { Advice } from "../verdict/why.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { hang } from "./text-layout.ts";

const COSTS: Record<Advice["costs"], string> = { nothing: "", data: " (unsent data is lost)", downtime: " (downtime)" };

export function adviceText(
  advice: Advice,
  { style, width }: { readonly style: Style; readonly width: number },
): string {
  const text = hang(style.bullet, escapeText(advice.text) + COSTS[advice.costs], width);
  // A command is never wrapped: it is there to be pasted.
  return advice.command === undefined ? text : `${text}\n      ${style.accent(`$ ${escapeText(advice.command)}`)}`;
}
