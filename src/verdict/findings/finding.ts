/** What a finding is: `doctor` prints it, `explain` tells what it means. Each stands in a file of its own beside this one. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import type { Advice } from "../why.ts";

export const FINDING_LEVELS = ["info", "warning", "critical"] as const;
export type FindingLevel = (typeof FINDING_LEVELS)[number];

/** A value of the evidence: numbers and words that a script can use, with units in their names. */
export type Evidence = string | number | boolean | readonly Evidence[] | { readonly [name: string]: Evidence };

export interface Finding {
  readonly code: string;
  readonly level: FindingLevel;
  /** What is wrong, in a few words, with the program or port it is about. */
  readonly title: string;
  /** One to three sentences: what was seen, why it matters. */
  readonly text: string;
  readonly evidence: { readonly [name: string]: Evidence };
  readonly advice: readonly Advice[];
}

export interface FindingDefinition {
  /** Stable; scripts select by it. */
  readonly code: string;
  /** What it is about in general. */
  readonly title: string;
  readonly about: FindingAbout;
  /** Pure. Several when several programs or ports have it, the worst first. */
  readonly find: (snapshot: HealthSnapshot) => readonly Finding[];
}

/** The page that `explain CODE` shows; sentences, no line breaks. */
export interface FindingAbout {
  /** What it means and when it is reported at which level. */
  readonly meaning: readonly string[];
  readonly remedy: readonly string[];
  /** RFC sections, kernel functions, man pages. */
  readonly sources: readonly string[];
}
