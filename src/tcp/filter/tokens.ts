/**
 * A filter's text cut into tokens. ss wants blanks around everything; here operators and parentheses also end a word, so that
 * `(sport=:80)` works. Quotes keep blanks and operators in a word; a backslash does so for one character, and stands for itself before
 * any other (systemd's unit names hold `\x2d`).
 */
import { filterError } from "./filter-error.ts";

export type Token =
  | { readonly kind: "word"; readonly text: string; readonly at: number; readonly quoted: boolean }
  | { readonly kind: "operator"; readonly text: string; readonly at: number }
  | { readonly kind: "end"; readonly text: ""; readonly at: number };

const OPERATORS = ["&&", "||", "!=", "==", ">=", "<=", "(", ")", "&", "|", "!", "=", ">", "<"];
const ENDS_WORD = new Set(["(", ")", "&", "|", "=", ">", "<"]);
const BLANK = /\s/;
const ESCAPABLE = /[\s\\"'()&|!=<>]/;

/** The last token is always an end. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (BLANK.test(text[at] ?? "")) {
      at += 1;
      continue;
    }
    const operator = OPERATORS.find((candidate) => text.startsWith(candidate, at));
    if (operator !== undefined) {
      tokens.push({ kind: "operator", text: operator, at });
      at += operator.length;
    } else {
      const word = readWord(text, at);
      tokens.push({ kind: "word", text: word.text, at, quoted: word.quoted });
      at = word.end;
    }
  }
  tokens.push({ kind: "end", text: "", at: text.length });
  return tokens;
}

function readWord(text: string, start: number): { text: string; end: number; quoted: boolean } {
  let word = "";
  let at = start;
  let quoted = false;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === '"' || char === "'") {
      const close = text.indexOf(char, at + 1);
      if (close < 0) throw filterError(text, at, `the quote ${char} is never closed`);
      word += text.slice(at + 1, close);
      quoted = true;
      at = close + 1;
    } else if (char === "\\" && ESCAPABLE.test(text[at + 1] ?? "")) {
      word += text[at + 1];
      quoted = true;
      at += 2;
    } else if (BLANK.test(char) || ENDS_WORD.has(char) || (char === "!" && text[at + 1] === "=")) {
      break;
    } else {
      word += char;
      at += 1;
    }
  }
  return { text: word, end: at, quoted };
}

/** The word as `tokensOf` reads it back. */
export function quoteWord(word: string): string {
  if (word !== "" && !/[\s\\"'()&|!=<>]/.test(word)) return word;
  if (!word.includes('"')) return `"${word}"`;
  return word
    .split('"')
    .map((part) => (part === "" ? "" : `"${part}"`))
    .join(`'"'`);
}
