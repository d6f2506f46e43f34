// docs/explain/*.md and the sections of docs/errors.md, made of the texts that `explain` shows.
import { explain } from "../../src/ask/explain.ts";
import { ERRORS } from "../../src/base/errors.ts";
import type { ErrorCategory, ErrorCode } from "../../src/base/errors.ts";
import { exitStatusOf } from "../../src/cli/exit-status.ts";
import { ERROR_TEXTS } from "../../src/explain/error-texts.ts";
import type { Explanation } from "../../src/explain/explanation.ts";
import { findPage } from "../../src/explain/lookup.ts";
import { KIND_HEADINGS } from "../../src/render/explain-text.ts";
import { renderLadder } from "../../src/render/ladder.ts";
import { wrapText } from "../../src/render/text-layout.ts";

const MADE = "<!-- Made of the texts of src/explain/: UPDATE_SNAPSHOTS=1 npm test -- explain-docs -->";
/** As wide as the other pages of docs/. */
const COLUMNS = 160;

/** Every file of docs/explain/, by its name. Codes of errors have docs/errors.md. */
export async function explainDocs(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const { pages } = await explain();
  for (const { word, kind } of pages) if (kind !== "error") files.set(fileOf(word), pageMarkdown(await explain(word)));
  const index = Object.entries(KIND_HEADINGS).flatMap(([kind, heading]) => {
    const group = pages.filter((page) => page.kind === kind && kind !== "error");
    return group.length === 0
      ? []
      : [
          `## ${heading}\n\n${group.map(({ word, title }) => `- [${word}](${fileOf(word)}): ${titleText(word, title)}`).join("\n")}`,
        ];
  });
  const about =
    "What `portmortem explain WORD` shows, page by page. Each names its source; the ladders are drawn from the model in `src/tcp/closing.ts`, which is compared with the running kernel (`test/kernel/closing-scenarios.test.ts`). Codes of errors are in [errors.md](../errors.md).";
  files.set("README.md", `${MADE}\n\n# Explained\n\n${wrapped(about)}\n\n${index.join("\n\n")}\n`);
  return files;
}

/** Two words that differ in case only are two files also where the file system does not tell them apart. */
function fileOf(word: string): string {
  const name = word.toLowerCase();
  const other = findPage(name);
  return other === undefined || other.word === word || name === word
    ? `${name}.md`
    : `${name}-${findPage(word)?.kind}.md`;
}

/** Where the title begins with the word, once is enough. */
function titleText(word: string, title: string): string {
  return title.toLowerCase().startsWith(`${word.toLowerCase()}: `) ? title.slice(word.length + 2) : title;
}

function pageMarkdown(page: Explanation): string {
  const blocks = [MADE, `# ${page.title}`, ...page.text.map(wrapped)];
  if (page.ladder !== undefined)
    blocks.push(`\`\`\`\n${renderLadder(page.ladder, { width: 78, ascii: false }).join("\n")}\n\`\`\``);
  if (page.folklore.length > 0)
    blocks.push(
      `| it is said | in truth |\n|---|---|\n${page.folklore.map(({ said, truth }) => `| ${cell(said)} | ${cell(truth)} |`).join("\n")}`,
    );
  if (page.remedy.length > 0)
    blocks.push(
      `What to do:\n\n${page.remedy
        .map(
          ({ text, command }) =>
            `- ${text}${command === undefined ? "" : `\n\n  \`\`\`console\n  $ ${command}\n  \`\`\`\n`}`,
        )
        .join("\n")
        .trimEnd()}`,
    );
  blocks.push(`Source: ${page.sources.map(escaped).join("; ")}`);
  if (page.see.length > 0) blocks.push(`See: ${page.see.map((word) => `[${word}](${placeOf(word)})`).join(", ")}`);
  return `${blocks.join("\n\n")}\n`;
}

function placeOf(word: string): string {
  return findPage(word)?.kind === "error" ? `../errors.md#${word.toLowerCase()}` : fileOf(word);
}

function cell(text: string): string {
  return escaped(text).replaceAll("|", "\\|");
}

/** An underscore or a star within a word is no emphasis, one at its start is. */
function escaped(text: string): string {
  return text.replace(/(^|[\s(])([_*])/g, "$1\\$2");
}

function wrapped(text: string): string {
  return wrapText(escaped(text), COLUMNS).join("\n");
}

const CATEGORY_HEADINGS: Readonly<Record<ErrorCategory, string>> = {
  no: "The answer is no",
  usage: "What was typed",
  right: "A right is missing",
  system: "This system cannot do that",
  defect: "A defect of portmortem",
};

/** docs/errors.md from its first section on. */
export function errorSections(): string {
  return `${Object.entries(CATEGORY_HEADINGS)
    .map(([category, heading]) => {
      const codes = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].category === category);
      const status = exitStatusOf(category as ErrorCategory);
      const sections = codes.map((code) => `### \`${code}\`\n\n${wrapText(ERROR_TEXTS[code].text, 137).join("\n")}`);
      return [`## ${heading}: exit status ${status}`, ...sections].join("\n\n");
    })
    .join("\n\n")}\n`;
}
