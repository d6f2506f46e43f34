/** One condition: a keyword, perhaps an operator, a value. */
import { maskOfWord, STATE_GROUPS, type StateMask, STATES, stateWords } from "../states.ts";
import type { Cursor } from "./cursor.ts";
import { type Filter, notOf } from "./filter.ts";
import { nearestWord } from "../../base/nearest-word.ts";
import { shown } from "./filter-error.ts";
import { takeComparison } from "./comparison.ts";
import { parseHost } from "./parse-host.ts";
import type { ParseOptions } from "./parse-options.ts";
import { looksLikePort, parseNumber, parsePortTerm } from "./parse-port.ts";

const KEYWORDS = [
  "src",
  "dst",
  "sport",
  "dport",
  "state",
  "exclude",
  "dev",
  "fwmark",
  "cgroup",
  "autobound",
  "pid",
  "command",
  "user",
  "uid",
];

export function parseTerm(cursor: Cursor, options: ParseOptions): Filter {
  const token = cursor.peek();
  if (token.kind === "end")
    return cursor.fail(token.at, "expected a condition, found the end", `conditions: ${KEYWORDS.join(" ")}`);
  if (token.kind === "operator") {
    return cursor.fail(
      token.at,
      `expected a condition, found ${shown(token.text)}`,
      `conditions: ${KEYWORDS.join(" ")}`,
    );
  }
  const keyword = token.quoted ? "" : token.text.toLowerCase();
  if (keyword === "state" || keyword === "exclude") return parseStates(cursor);
  if (!KEYWORDS.includes(keyword))
    return cursor.fail(token.at, `${shown(token.text)} is not a condition`, wordHint(token.text));
  cursor.take();
  switch (keyword) {
    case "autobound":
      return { kind: "autobound" };
    case "sport":
    case "dport":
      return parsePortTerm(cursor, keyword === "sport" ? "local" : "remote", takeComparison(cursor), options);
    default:
      return equality(cursor, keyword, options);
  }
}

/** Conditions that know only "is" and "is not". */
function equality(cursor: Cursor, keyword: string, options: ParseOptions): Filter {
  const { at, text } = cursor.peek();
  const comparison = takeComparison(cursor);
  if (comparison !== "=" && comparison !== "!=") return cursor.fail(at, `${keyword} takes = or !=, not ${shown(text)}`);
  const filter = valueOf(cursor, keyword, options);
  return comparison === "!=" ? notOf(filter) : filter;
}

function valueOf(cursor: Cursor, keyword: string, options: ParseOptions): Filter {
  switch (keyword) {
    case "src":
      return parseHost(cursor, "local", options);
    case "dst":
      return parseHost(cursor, "remote", options);
    case "dev":
      return { kind: "device", device: filled(cursor, "a device's name or index") };
    case "fwmark":
      return parseMark(cursor);
    case "cgroup":
      return { kind: "cgroup", path: cgroupPath(filled(cursor, "a cgroup's path")) };
    case "pid":
      return { kind: "pid", pid: takeNumber(cursor, "a process id", 1, 0x7fff_ffff) };
    case "command":
      return { kind: "command", command: filled(cursor, "a command's name") };
    case "user":
      return { kind: "user", user: filled(cursor, "a user's name or number") };
    default:
      return { kind: "uid", uid: takeNumber(cursor, "a user's number", 0, 0xffff_ffff) };
  }
}

/**
 * `state` adds to the set, `exclude` takes away, in the order written; a set that begins with `exclude` begins with all. So in ss, where
 * they can only lead; here such a run may stand wherever a condition may.
 */
function parseStates(cursor: Cursor): Filter {
  let mask: StateMask | undefined;
  while (cursor.sees("state", "exclude")) {
    const exclude = cursor.take().text.toLowerCase() === "exclude";
    const word = cursor.takeWord("a state's name");
    const named = maskOfWord(word.text);
    // maskOfWord reads its groups from an object: "constructor" is no state.
    if (typeof named !== "number")
      return cursor.fail(word.at, `${shown(word.text)} is not a state`, stateHint(word.text));
    mask = exclude ? (mask ?? STATE_GROUPS["all"] ?? 0) & ~named : (mask ?? 0) | named;
  }
  return { kind: "states", mask: mask ?? 0 };
}

function parseMark(cursor: Cursor): Filter {
  const word = cursor.takeWord("a mark");
  const [valueText = "", maskText, more] = word.text.split("/");
  const value = parseNumber(valueText);
  const mask = maskText === undefined ? 0xffff_ffff : parseNumber(maskText);
  if (more !== undefined || value === undefined || mask === undefined || value > 0xffff_ffff || mask > 0xffff_ffff) {
    return cursor.fail(
      word.at,
      `${shown(word.text)} is not a mark`,
      "write a number of 32 bits, or number/mask: 0x01/0xff",
    );
  }
  return { kind: "mark", value, mask };
}

/** ss takes a path in the file system, the kernel and we one below the cgroup-v2 mount: both are understood. */
function cgroupPath(text: string): string {
  const below = text.replace(/^\/sys\/fs\/cgroup(?:\/unified)?(?=\/|$)/, "");
  return `/${below
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

function filled(cursor: Cursor, what: string): string {
  const word = cursor.takeWord(what);
  return word.text === "" ? cursor.fail(word.at, `expected ${what}, found an empty word`) : word.text;
}

function takeNumber(cursor: Cursor, what: string, least: number, most: number): number {
  const word = cursor.takeWord(what);
  const value = parseNumber(word.text);
  if (value === undefined || value < least || value > most)
    return cursor.fail(word.at, `${shown(word.text)} is not ${what}`);
  return value;
}

function stateHint(word: string): string {
  const near = nearestWord(word, stateWords());
  const known = [...STATES.map((state) => state.ss), ...Object.keys(STATE_GROUPS)];
  return near === undefined ? `states: ${known.join(" ")}` : `did you mean ${near}?`;
}

function wordHint(word: string): string {
  const near = nearestWord(word, [...KEYWORDS, "and", "or", "not"]);
  if (near !== undefined) return `did you mean ${near}?`;
  if (typeof maskOfWord(word) === "number") return `write state ${word}`;
  if (looksLikePort(word))
    return `write sport = :${word.replace(/^:/, "")} for the local port, dport for the remote one`;
  if (/^[[\d*]|:/.test(word)) return `write src ${word} for the local address, dst for the remote one`;
  return `conditions: ${KEYWORDS.join(" ")}`;
}
