/** What `explain` answers, as docs/cli.md promises it: `portmortem.explain/1` less `schema`. */
import type { Step, Views } from "../tcp/closing-simulation.ts";
import type { Folklore, PageKind, Remedy } from "./page.ts";

/** One page, as `portmortem.explain/1` has it. */
export interface Explanation {
  /** The page's own name, whichever of its names was asked for. */
  readonly word: string;
  readonly kind: PageKind;
  readonly title: string;
  /** Paragraphs; words in `backticks` are such as are typed or read in a program. */
  readonly text: readonly string[];
  /** Two ends of a connection: where they begin, and every step, with the states after it. */
  readonly ladder?: { readonly start: Views; readonly steps: readonly Step[] };
  /** What is often said, and what is true. */
  readonly folklore: readonly Folklore[];
  readonly remedy: readonly Remedy[];
  /** Sections of RFCs, functions of the kernel, man pages, experiments. */
  readonly sources: readonly string[];
  /** Words of other pages. */
  readonly see: readonly string[];
}

/** The list of all pages. */
export interface ExplainIndex {
  readonly pages: readonly { readonly word: string; readonly kind: PageKind; readonly title: string }[];
}
