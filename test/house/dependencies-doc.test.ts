// Each dependency is argued for: docs/dependencies.md and package.json name the same packages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "./repository.ts";

const page = read("docs/dependencies.md");
const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string> | undefined>;

/** The packages of the tables under these headings, sorted. */
function argued(...headings: string[]): string[] {
  return headings
    .flatMap((heading) => {
      const body = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0];
      assert.ok(body !== undefined, `docs/dependencies.md has no "## ${heading}"`);
      return [...body.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? "");
    })
    .sort();
}

test("docs/dependencies.md argues for each package that users install, and for no other", () => {
  assert.deepEqual(argued("At run time"), Object.keys(manifest["dependencies"] ?? {}).sort());
});

test("docs/dependencies.md argues for each package of development, and for no other", () => {
  assert.deepEqual(
    argued("Bundled into the command", "For development"),
    Object.keys(manifest["devDependencies"] ?? {}).sort(),
  );
});

test("versions are exact", () => {
  for (const field of ["dependencies", "devDependencies"])
    for (const [name, version] of Object.entries(manifest[field] ?? {}))
      assert.match(version, /^\d+\.\d+\.\d+$/, `${name}: ${version}`);
});
