// Ceilings. Raise one on purpose only, in the commit that needs it, with the reason.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { expectNone, read, root, sourceFiles } from "./repository.ts";

const maxLines = 400;
/** Servers load it at their start, and it is promised to be small. */
const maxGracefulBytes = 25_000;
const maxPackedBytes = 950_000;
/** A file of constants only, that says so in its first line, may be longer. */
const TABLE = /^(\/\/|\/\*\*?).*\btable of constants\b/i;
const PUBLISHED = /^(dist\/.*(?<!\.map)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;

test(`no file of src/ is longer than ${maxLines} lines`, () => {
  const offenders = sourceFiles().flatMap((path) => {
    const text = read(path);
    const lines = text.trimEnd().split("\n").length;
    return lines > maxLines && !TABLE.test(text) ? [`${path}: ${lines} lines`] : [];
  });
  expectNone(offenders, `over ${maxLines} lines; a "table of constants" that says so in its first line may be`);
});

test("the package has only what users need, and is small", () => {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"], {
      cwd: root,
      encoding: "utf8",
    }),
  ) as [{ size: number; files: { path: string }[] }];
  const paths = packed.files.map(({ path }) => path);
  expectNone(
    paths.filter((path) => !PUBLISHED.test(path)),
    "would be published",
  );
  for (const path of [
    "dist/cli.cjs",
    "dist/lib/index.js",
    "dist/lib/index.d.ts",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
  ])
    assert.ok(paths.includes(path), `${path} would not be published`);
  assert.ok(packed.size < maxPackedBytes, `${packed.size} bytes packed; the ceiling is ${maxPackedBytes}`);
});

test("what portmortem/graceful loads at a start is small, and nothing of it is native", () => {
  for (const entry of ["graceful.js", "graceful.cjs"]) {
    const loaded = loadedWith(entry);
    const bytes = loaded.reduce((sum, text) => sum + text.length, 0);
    assert.ok(bytes < maxGracefulBytes, `${entry} and its parts: ${bytes} bytes; the ceiling is ${maxGracefulBytes}`);
    for (const text of loaded) assert.doesNotMatch(text, /koffi/);
  }
});

/** The file and those that it imports itself, not those of an import(). */
function loadedWith(file: string): string[] {
  const text = read(`dist/graceful/${file}`);
  const parts = [...text.matchAll(/(?:from|import|require\() ?"\.\/([^"]+)"/g)];
  return [text, ...parts.flatMap(([, part = ""]) => loadedWith(part))];
}
