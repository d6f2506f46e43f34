// Ceilings. Raise one on purpose only, in the commit that needs it, with the reason.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { expectNone, read, root, sourceFiles } from "./repository.ts";

const maxLines = 400;
/** Servers load it at their start, and it is promised to be small. */
const maxGracefulBytes = 25_000;
const maxPackedBytes = 850_000;
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

test("portmortem/graceful is one small file each way, with nothing native in it", () => {
  for (const path of ["dist/graceful/graceful.js", "dist/graceful/graceful.cjs"]) {
    const text = read(path);
    assert.ok(text.length < maxGracefulBytes, `${path}: ${text.length} bytes; the ceiling is ${maxGracefulBytes}`);
    assert.doesNotMatch(text, /koffi/);
  }
});
