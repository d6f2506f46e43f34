/** ss's comparison operators, each in its spellings. */
import type { Cursor } from "./cursor.ts";

export type Comparison = "=" | "!=" | ">" | ">=" | "<" | "<=";

const SPELLINGS = new Map<string, Comparison>([
  ["=", "="],
  ["==", "="],
  ["eq", "="],
  ["!=", "!="],
  ["ne", "!="],
  ["neq", "!="],
  [">", ">"],
  ["gt", ">"],
  [">=", ">="],
  ["ge", ">="],
  ["geq", ">="],
  ["<", "<"],
  ["lt", "<"],
  ["<=", "<="],
  ["le", "<="],
  ["leq", "<="],
]);

/** Takes an operator if one stands there; "=" when none does. */
export function takeComparison(cursor: Cursor): Comparison {
  const token = cursor.peek();
  if (token.kind === "word" && token.quoted) return "=";
  const comparison = SPELLINGS.get(token.text.toLowerCase());
  if (comparison === undefined) return "=";
  cursor.take();
  return comparison;
}
