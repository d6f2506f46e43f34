/** What a page of `explain` is: words, a ladder where two ends are involved, what to do, and where it is known from. */
import type { ScenarioName } from "../tcp/closing-scenarios.ts";
import type { SocketState } from "../tcp/states.ts";

/** In the order of the list. */
export const PAGE_KINDS = ["story", "state", "rule", "option", "errno", "sysctl", "finding", "error"] as const;
export type PageKind = (typeof PAGE_KINDS)[number];

/** Words in `backticks` are such as are typed or read in a program. Paragraphs have no line breaks. */
export interface Page {
  /** How it is asked for, and its file's name in docs/explain/. */
  readonly word: string;
  readonly kind: PageKind;
  readonly title: string;
  /** Other ways to ask for it; case and punctuation do not matter (lookup.ts). */
  readonly aliases?: readonly string[];
  /** What it is. */
  readonly text: readonly string[];
  readonly ladder?: PageLadder;
  /** What is often said, and what is wrong with that. */
  readonly folklore?: readonly Folklore[];
  /** What to do, cheapest first. */
  readonly remedy?: readonly Remedy[];
  /** Sections of RFCs, functions of the kernel with their file, man pages, experiments. */
  readonly sources: readonly string[];
  /** Words of other pages. */
  readonly see?: readonly string[];
}

export interface PageLadder {
  readonly scenario: ScenarioName;
  /** Where the two ends are at last, as the text has it; a test compares with the model. */
  readonly ends: readonly [client: SocketState, server: SocketState];
}

export interface Folklore {
  readonly said: string;
  readonly truth: string;
}

export interface Remedy {
  readonly text: string;
  /** To be pasted as it is. */
  readonly command?: string;
}
