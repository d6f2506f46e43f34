/**
 * The answers of one network namespace in a recording. The same question can be asked twice in one look, and a machine goes on meanwhile: a
 * process that was there is gone, a namespace has ended. So answers stand in the order in which they came, and an error is one of them.
 */
import { argumentsKey } from "./recording.ts";
import type { NamespaceRecord } from "./recording.ts";

export class AnswerBook {
  readonly #record: NamespaceRecord;
  /** By method and arguments: how often it was asked, and where the latest answer stands. */
  readonly #asked = new Map<string, { count: number; at: string }>();

  constructor(record: NamespaceRecord) {
    this.#record = record;
  }

  /** The first answer stands under its arguments, a later one that differs under `arguments#3`: what was said from the third time on. */
  write(method: string, args: readonly unknown[], answer: unknown): void {
    const answers = (this.#record[method] ??= {});
    const { count, at } = this.#ask(method, args);
    // JSON has no undefined: an answer of it is null.
    const value = answer ?? null;
    if (count === 1) answers[at] = value;
    else if (JSON.stringify(answers[at]) !== JSON.stringify(value)) {
      const now = `${argumentsKey(args)}#${count}`;
      answers[now] = value;
      this.#asked.set(`${method}${argumentsKey(args)}`, { count, at: now });
    }
  }

  /** What was said when this was asked as often as it is asked now. */
  read(method: string, args: readonly unknown[]): { readonly answer: unknown } | undefined {
    const answers = this.#record[method];
    const key = argumentsKey(args);
    if (answers === undefined || !Object.hasOwn(answers, key)) return undefined;
    const { count, at } = this.#ask(method, args);
    const now = Object.hasOwn(answers, `${key}#${count}`) ? `${key}#${count}` : at;
    this.#asked.set(`${method}${key}`, { count, at: now });
    return { answer: answers[now] ?? undefined };
  }

  /** Each question that was asked, with its first answer. */
  firstAnswers(method: string): [key: string, answer: unknown][] {
    return Object.entries(this.#record[method] ?? {}).filter(([key]) => key.endsWith("]"));
  }

  #ask(method: string, args: readonly unknown[]): { readonly count: number; readonly at: string } {
    const key = argumentsKey(args);
    const before = this.#asked.get(`${method}${key}`);
    const now = { count: (before?.count ?? 0) + 1, at: before?.at ?? key };
    this.#asked.set(`${method}${key}`, now);
    return now;
  }
}

/** One for each namespace, whoever looks into it. */
export class AnswerBooks {
  readonly #namespaces: Record<string, NamespaceRecord>;
  readonly #books = new Map<string, AnswerBook>();

  constructor(namespaces: Record<string, NamespaceRecord>) {
    this.#namespaces = namespaces;
  }

  /** `make`: one that is not there yet is put there. */
  of(key: string, make: boolean): AnswerBook {
    const known = this.#books.get(key);
    if (known !== undefined) return known;
    const found = Object.hasOwn(this.#namespaces, key) ? this.#namespaces[key] : undefined;
    const record = found ?? {};
    if (make) this.#namespaces[key] = record;
    const book = new AnswerBook(record);
    this.#books.set(key, book);
    return book;
  }
}
