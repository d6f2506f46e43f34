/**
 * Text to tree. Precedence is that of ss's manual: `or` lowest, then `and` (written out, or two conditions side by side), then `not`.
 * ss itself (6.1, and every ssfilter.y since 2018) gives `and` and `or` the same precedence, from left to right: `a or b and c` is
 * `( a or b ) and c` there. We keep to the manual; see docs/kernel/filters.md.
 */
import { Cursor } from "./cursor.ts";
import { ALL, allOf, anyOf, type Filter, notOf } from "./filter.ts";
import { filterError, shown } from "./filter-error.ts";
import type { ParseOptions } from "./parse-options.ts";
import { parseTerm } from "./parse-term.ts";

/** Nobody writes these by hand; they keep a hostile text from exhausting the stack. */
const MOST_NESTING = 100;
const MOST_TEXT = 64 * 1024;

/** Throws PM_BAD_FILTER with the place. Blank text is the filter that matches everything. */
export function parseFilter(text: string, options: ParseOptions = {}): Filter {
  if (text.length > MOST_TEXT) throw filterError(text.slice(0, 80), 0, `longer than ${MOST_TEXT} characters`);
  const cursor = new Cursor(text);
  if (cursor.peek().kind === "end") return ALL;
  const filter = parseOr(cursor, options, 0);
  const rest = cursor.peek();
  if (rest.kind === "end") return filter;
  if (rest.text === ")") return cursor.fail(rest.at, "this parenthesis was never opened");
  return cursor.fail(rest.at, `expected "and", "or" or another condition, found ${shown(rest.text)}`);
}

function parseOr(cursor: Cursor, options: ParseOptions, depth: number): Filter {
  const parts = [parseAnd(cursor, options, depth)];
  while (cursor.takeIf("or", "||", "|")) parts.push(parseAnd(cursor, options, depth));
  return anyOf(parts);
}

function parseAnd(cursor: Cursor, options: ParseOptions, depth: number): Filter {
  const parts = [parseNot(cursor, options, depth)];
  while (cursor.takeIf("and", "&&", "&") || startsCondition(cursor)) parts.push(parseNot(cursor, options, depth));
  return allOf(parts);
}

function startsCondition(cursor: Cursor): boolean {
  return cursor.peek().kind === "word" ? !cursor.sees("or") : cursor.sees("(", "!");
}

function parseNot(cursor: Cursor, options: ParseOptions, depth: number): Filter {
  let negated = false;
  while (cursor.takeIf("not", "!")) negated = !negated;
  const filter = parsePrimary(cursor, options, depth);
  return negated ? notOf(filter) : filter;
}

function parsePrimary(cursor: Cursor, options: ParseOptions, depth: number): Filter {
  const { at } = cursor.peek();
  if (!cursor.takeIf("(")) return parseTerm(cursor, options);
  if (depth >= MOST_NESTING) return cursor.fail(at, `nested more than ${MOST_NESTING} parentheses deep`);
  if (cursor.sees(")")) return cursor.fail(cursor.peek().at, "nothing stands between the parentheses");
  const filter = parseOr(cursor, options, depth + 1);
  if (cursor.takeIf(")")) return filter;
  const found = cursor.peek();
  if (found.kind === "end") return cursor.fail(at, "this parenthesis is never closed");
  return cursor.fail(found.at, `expected "and", "or", ")" or another condition, found ${shown(found.text)}`);
}
