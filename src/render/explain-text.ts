/** A page of `explain`, and the list of them all, for a person. */
import type { ExplainIndex, Explanation } from "../explain/explanation.ts";
import type { PageKind } from "../explain/page.ts";
import { renderLadder } from "./ladder.ts";
import type { Style } from "./style.ts";
import { hang, wrapText } from "./text-layout.ts";

export interface ExplainView {
  readonly style: Style;
  readonly width: number;
}

/** Longer lines are not read. */
const MOST_COLUMNS = 80;

export const KIND_HEADINGS: Readonly<Record<PageKind, string>> = {
  story: "Stories",
  state: "States of a socket",
  rule: "What stands in the way of a bind: the words of why",
  option: "Options of a socket",
  errno: "Answers of the system calls",
  sysctl: "Settings of the kernel",
  finding: "Findings of doctor",
  error: "Errors of portmortem",
};

/** A screen, with the line that the shell's prompt takes. */
const SCREEN_LINES = 23;

/** Title, what it is, the ladder, what is said and what is true, what to do, where it is known from. */
export function renderExplanation(page: Explanation, { style, width: columns }: ExplainView): string {
  const width = Math.min(columns, MOST_COLUMNS);
  const labelled = (label: string, text: string): string[] =>
    hang(style.dim(label.padEnd(LABEL_WIDTH)), plainText(text), width).split("\n");
  // A command is never wrapped: it is there to be pasted.
  const indent = " ".repeat(LABEL_WIDTH);
  const remedy = page.remedy.flatMap(({ text, command }) => [
    ...labelled("do", text),
    ...(command === undefined ? [] : [`${indent}${style.accent(`$ ${command}`)}`]),
  ]);
  const blocks = [
    wrapText(plainText(page.title), width).map((line) => style.bold(line)),
    ...page.text.map((text) => wrapText(plainText(text), width)),
    page.ladder === undefined ? [] : renderLadder(page.ladder, { width, ascii: style.ascii }),
    page.folklore.flatMap(({ said, truth }) => labelled("said", `"${said}": ${truth}`)),
    remedy,
    [
      ...(page.sources.length === 0 ? [] : labelled("source", page.sources.join("; "))),
      ...(page.see.length === 0 ? [] : labelled("see", page.see.join(", "))),
    ],
  ].filter((block) => block.length > 0);
  return `${spaced(blocks).join("\n")}\n`;
}

const LABEL_WIDTH = 8;

/** Blank lines between blocks as far as one screen has room for them; around a ladder first, whose lines are the indented ones. */
function spaced(blocks: readonly (readonly string[])[]): string[] {
  let room = SCREEN_LINES - blocks.reduce((sum, block) => sum + block.length, 0);
  const isLadder = (at: number): boolean => blocks[at]?.[0]?.trimStart().startsWith("client ") === true;
  const gaps = blocks.slice(1).map((_, at) => ({ at, first: isLadder(at) || isLadder(at + 1) || at === 0 }));
  const blank = new Set<number>();
  for (const { at } of [...gaps.filter(({ first }) => first), ...gaps.filter(({ first }) => !first)])
    if (room-- > 0) blank.add(at);
  return blocks.flatMap((block, at) => (blank.has(at) ? [...block, ""] : block));
}

/** Groups with their headings: stories with their titles, of the rest the words. */
export function renderExplainIndex({ pages }: ExplainIndex, { style, width }: ExplainView): string {
  const blocks: string[] = [];
  for (const [kind, heading] of Object.entries(KIND_HEADINGS)) {
    const group = pages.filter((page) => page.kind === kind);
    if (group.length === 0) continue;
    const words = Math.max(...group.map(({ word }) => word.length)) + 2;
    const lines =
      kind === "story"
        ? group.map(({ word, title }) =>
            hang(`  ${style.accent(word)}${" ".repeat(words - word.length)}`, title, width),
          )
        : wrapText(group.map(({ word }) => word).join(", "), width - 2).map((line) => `  ${line}`);
    blocks.push(`${style.bold(heading)}\n${lines.join("\n")}`);
  }
  return `${blocks.join("\n\n")}\n\nportmortem explain WORD\n`;
}

/** Without the marks of code and links. */
export function plainText(text: string): string {
  return text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "");
}
