/** Where the parser stands among the tokens. */
import { filterError, shown } from "./filter-error.ts";
import { type Token, tokensOf } from "./tokens.ts";

export class Cursor {
  readonly text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.text = text;
    this.#tokens = tokensOf(text);
  }

  peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "", at: this.text.length };
  }

  take(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  /** Is the next token this operator or, unquoted and in any case, this keyword? */
  sees(...texts: readonly string[]): boolean {
    const token = this.peek();
    if (token.kind === "operator") return texts.includes(token.text);
    return token.kind === "word" && !token.quoted && texts.includes(token.text.toLowerCase());
  }

  takeIf(...texts: readonly string[]): boolean {
    const seen = this.sees(...texts);
    if (seen) this.#next += 1;
    return seen;
  }

  fail(at: number, message: string, hint?: string): never {
    throw filterError(this.text, at, message, hint);
  }

  /** The next token as a value; `what` is said when there is none. */
  takeWord(what: string): Token & { readonly kind: "word" } {
    const token = this.take();
    if (token.kind === "word") return token;
    return this.fail(token.at, `expected ${what}, found ${token.kind === "end" ? "the end" : shown(token.text)}`);
  }
}
