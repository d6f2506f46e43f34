/** A filter with every `not` pushed down to the terms (negation normal form): what can be widened, compiled and narrowed branch by branch. */
import type { Filter, Term } from "./filter.ts";

export interface Literal {
  readonly kind: "literal";
  readonly term: Term;
  readonly negated: boolean;
}

export type NormalForm = Literal | { readonly kind: "and" | "or"; readonly of: readonly NormalForm[] };

export function normalForm(filter: Filter, negated = false): NormalForm {
  switch (filter.kind) {
    case "not":
      return normalForm(filter.of, !negated);
    case "and":
    case "or": {
      const kind = (filter.kind === "and") !== negated ? "and" : "or";
      return { kind, of: filter.of.map((part) => normalForm(part, negated)) };
    }
    default:
      return { kind: "literal", term: filter, negated };
  }
}
