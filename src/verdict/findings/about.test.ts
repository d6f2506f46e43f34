// The page of each finding: `explain CODE` shows it on one screen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FINDINGS } from "./table.ts";

/** A screen of 24 lines less heading, blank lines and prompt. */
const MAX_LINES = 14;
const COLUMNS = 78;

function wrappedLines(text: string): number {
  let lines = 1;
  let column = 0;
  for (const word of text.split(" ")) {
    if (column > 0 && column + 1 + word.length > COLUMNS) {
      lines++;
      column = word.length;
    } else {
      column += word.length + (column > 0 ? 1 : 0);
    }
  }
  return lines;
}

test("codes of findings are single, kebab-case words", () => {
  const codes = FINDINGS.map(({ code }) => code);
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.match(code, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
});

for (const { code, about, title } of FINDINGS) {
  test(`${code}: what explain says of it fits one screen`, () => {
    const sentences = [...about.meaning, ...about.remedy, about.sources.join("; ")];
    const lines = sentences.reduce((sum, text) => sum + wrappedLines(text), 0);
    assert.ok(lines <= MAX_LINES, `${lines} lines of ${COLUMNS} columns`);
    for (const text of sentences) assert.doesNotMatch(text, /\n| {2}/);
    assert.ok(about.remedy.length > 0 && about.sources.length > 0);
    assert.ok(title.length <= COLUMNS && !title.endsWith("."));
  });
}
