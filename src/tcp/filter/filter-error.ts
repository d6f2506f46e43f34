/** What is said about a filter that cannot be read, with the place for a caret. */
import { PortmortemError } from "../../base/errors.ts";

export function filterError(text: string, at: number, message: string, hint?: string): PortmortemError {
  const input = { text, at };
  return new PortmortemError(
    "PM_BAD_FILTER",
    `bad filter: ${message}`,
    hint === undefined ? { input } : { input, hint },
  );
}

/** A word as it is shown in a message: quoted, and cut where it is endless. */
export function shown(word: string): string {
  return `"${word.length > 60 ? `${word.slice(0, 57)}...` : word}"`;
}
