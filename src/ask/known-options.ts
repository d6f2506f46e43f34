/** A misspelt option that is ignored without a word gives the answer to another question. Types catch it in TypeScript, this elsewhere. */
import { PortmortemError } from "../base/errors.ts";
import { nearestWord } from "../base/nearest-word.ts";

/** Throws PM_USAGE for a key that is not among the known ones. */
export function requireKnownOptions(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearestWord(key, known);
    throw new PortmortemError("PM_USAGE", `${what} has no option ${JSON.stringify(key)}`, {
      hint: near === undefined ? `there are: ${known.join(", ")}` : `did you mean ${near}?`,
    });
  }
}
