// docs/explain/ and docs/errors.md are made of the texts of src/explain/, and committed. After a change: UPDATE_SNAPSHOTS=1 npm test -- explain-docs
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorSections, explainDocs } from "./explain-docs.ts";
import { exists, read, root } from "./repository.ts";

const FOLDER = "docs/explain";
const UPDATE = process.env["UPDATE_SNAPSHOTS"] === "1";
const HOW = "if this is meant: UPDATE_SNAPSHOTS=1 npm test -- explain-docs";

test("docs/explain/ has the pages of explain, and no others", async () => {
  const made = await explainDocs();
  if (UPDATE) {
    rmSync(join(root, FOLDER), { recursive: true, force: true });
    mkdirSync(join(root, FOLDER), { recursive: true });
    for (const [name, text] of made) writeFileSync(join(root, FOLDER, name), text);
  }
  assert.deepEqual(exists(FOLDER) ? readdirSync(join(root, FOLDER)).sort() : [], [...made.keys()].sort(), HOW);
  for (const [name, text] of made) assert.equal(read(`${FOLDER}/${name}`), text, `${name}: ${HOW}`);
});

test("links between the pages lead somewhere", async () => {
  const made = await explainDocs();
  for (const [name, text] of made)
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g))
      assert.ok(made.has(target) || exists(join(FOLDER, target)), `${name} links to ${target}`);
});

test("the sections of docs/errors.md are those of the table", () => {
  const page = read("docs/errors.md");
  const head = page.slice(0, page.search(/^## /m));
  const made = head + errorSections();
  if (UPDATE) writeFileSync(join(root, "docs/errors.md"), made);
  else assert.equal(page, made, HOW);
});
