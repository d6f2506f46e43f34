import assert from "node:assert/strict";
import { test } from "node:test";
import { SYSCTLS } from "./sysctl-table.ts";
import { FINDINGS } from "./findings/table.ts";

/** Lines that a text takes on a terminal of 80 columns, behind a margin of two. */
function lines(text: string): number {
  let count = 1;
  let column = 0;
  for (const word of text.split(" ")) {
    if (column + word.length > 76) {
      count += 1;
      column = 0;
    }
    column += word.length + 1;
  }
  return count;
}

test("every setting of the table fits one screen of 80x24: name, default, a blank line and a head for each part, its text", () => {
  for (const { name, does, folklore, versions = [], advice, sources } of SYSCTLS) {
    const parts = [does, folklore, versions.join(" "), advice].filter((part) => part !== undefined && part !== "");
    const height = 3 + parts.reduce((sum, part) => sum + 1 + lines(part!), 0) + 1 + lines(sources.join(" · "));
    assert.ok(height <= 22, `${name}: ${height} lines`);
  }
});

test("no setting is in the table twice, and each has a source", () => {
  assert.equal(new Set(SYSCTLS.map(({ name }) => name)).size, SYSCTLS.length);
  for (const { name, sources } of SYSCTLS) assert.ok(sources.length > 0, name);
});

test("what a finding is about takes 14 lines at most", () => {
  for (const { code, about } of FINDINGS) {
    const height = [...about.meaning, ...about.remedy, about.sources.join(" · ")].reduce(
      (sum, part) => sum + lines(part),
      0,
    );
    assert.ok(height <= 14, `${code}: ${height} lines`);
  }
});
