/** Ports in a filter: `:80`, `80`, `*:80`, `:http`, `inet6::80`, and our `:8000-8100`. */
import type { Comparison } from "./comparison.ts";
import { familyPrefix } from "./family-prefix.ts";
import type { Cursor } from "./cursor.ts";
import { ALL, allOf, type Filter, NONE, notOf, portRange, type Side } from "./filter.ts";
import { nearestWord } from "../../base/nearest-word.ts";
import { shown } from "./filter-error.ts";
import type { ParseOptions } from "./parse-options.ts";

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export function parsePortTerm(cursor: Cursor, side: Side, comparison: Comparison, options: ParseOptions): Filter {
  const word = cursor.takeWord("a port");
  const { family, rest } = familyPrefix(cursor, word);
  const name = rest.replace(/^\*?:/, "");
  const offset = word.quoted ? 0 : word.text.length - name.length;
  const scope: Filter[] = family === undefined ? [] : [{ kind: "family", family }];
  if (name === "*" || (name === "" && rest !== "")) {
    if (comparison === "=") return scope[0] ?? ALL;
    if (comparison === "!=") return NONE;
    return cursor.fail(word.at, `every port cannot be compared with ${comparison}`);
  }
  const range = parsePort(cursor, name, word.at + offset, options);
  if (comparison !== "=" && comparison !== "!=" && range.from !== range.to) {
    return cursor.fail(word.at, `a range of ports takes = or !=, not ${comparison}`);
  }
  return allOf([...scope, compare(side, comparison, range)]);
}

/** One port or a range; throws with the place. */
export function parsePort(cursor: Cursor, text: string, at: number, options: ParseOptions): PortRange {
  const dash = /^([^-]+)-([^-]+)$/.exec(text);
  const from = parseNumber(dash?.[1] ?? text);
  const to = dash ? parseNumber(dash[2] ?? "") : from;
  if (from !== undefined && to !== undefined) {
    if (from > 65535 || to > 65535) return cursor.fail(at, `${shown(text)} is beyond the last port, 65535`);
    if (from > to) return cursor.fail(at, `the range ${text} ends before it begins`, `write ${to}-${from}`);
    return { from, to };
  }
  if (/^[\d-]/.test(text) || text === "") {
    const hint = /[.:]/.test(text)
      ? "for an address and a port write src or dst"
      : "write a number from 0 to 65535: :80";
    return cursor.fail(at, text === "" ? "the port is empty" : `${shown(text)} is not a port`, hint);
  }
  return namedPort(cursor, text, at, options);
}

export function looksLikePort(word: string): boolean {
  return /^:?[0-9]{1,5}(-[0-9]{1,5})?$/.test(word);
}

/** Decimal, or hexadecimal with 0x. A leading zero (octal in C) is refused: nobody means it. */
export function parseNumber(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,9}|0x[0-9a-f]{1,8})$/i.test(text)) return undefined;
  return Number(text);
}

function namedPort(cursor: Cursor, name: string, at: number, options: ParseOptions): PortRange {
  const port = /^[\w.+-]+$/.test(name) ? options.servicePort?.(name) : undefined;
  if (port !== undefined) return { from: port, to: port };
  const operator = nearestWord(name, ["eq", "ne", "neq", "gt", "geq", "lt", "leq"]);
  if (/[.:[\]]/.test(name))
    return cursor.fail(at, `${shown(name)} is not a port`, "for an address and a port write src or dst");
  const hint =
    operator === undefined || name.length > 3
      ? "write the number: :80"
      : `write the number, or did you mean ${operator}?`;
  return cursor.fail(at, `${shown(name)} is no port number, and names of services are not taken`, hint);
}

function compare(side: Side, comparison: Comparison, { from, to }: PortRange): Filter {
  switch (comparison) {
    case "=":
      return portRange(side, from, to);
    case "!=":
      return notOf(portRange(side, from, to));
    case ">":
      return portRange(side, to + 1, 65535);
    case ">=":
      return portRange(side, from, 65535);
    case "<":
      return portRange(side, 0, from - 1);
    case "<=":
      return portRange(side, 0, to);
  }
}
