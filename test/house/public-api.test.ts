// What the package promises to programs, in one committed file: a changed signature is seen in review.
// After a change on purpose: UPDATE_SNAPSHOTS=1 npm test -- public-api
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { publicDeclarations } from "./declarations.ts";
import { exists, read, root } from "./repository.ts";

const snapshot = "test/house/public-api.snapshot.txt";

test("the public declarations are those of the snapshot", () => {
  const { exports } = JSON.parse(read("package.json")) as {
    exports: Record<string, { types?: string; import?: { types: string } } | string>;
  };
  const entries = Object.values(exports).flatMap((target) =>
    typeof target === "object" ? [target.types ?? target.import?.types ?? []].flat() : [],
  );
  assert.ok(entries.length > 0, "package.json exports no types");
  const actual = `${entries.map((entry) => publicDeclarations(entry.replace(/^\.\//, ""))).join("\n\n\n")}\n`;
  if (process.env["UPDATE_SNAPSHOTS"] === "1") writeFileSync(join(root, snapshot), actual);
  assert.ok(exists(snapshot), `${snapshot} is missing: UPDATE_SNAPSHOTS=1 npm test -- public-api writes it`);
  assert.equal(actual, read(snapshot), `if this is meant: UPDATE_SNAPSHOTS=1 npm test -- public-api`);
});
