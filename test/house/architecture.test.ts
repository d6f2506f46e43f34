// The map of the house cannot rot: what ARCHITECTURE.md names exists, and what exists is on it.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { exists, expectNone, read, root, sourceFolders } from "./repository.ts";

test("every path in ARCHITECTURE.md exists", () => {
  expectNone(
    pathsIn(read("ARCHITECTURE.md")).filter((path) => !isThere(path)),
    "named in ARCHITECTURE.md and not there",
  );
});

test("every folder of src/ stands in ARCHITECTURE.md", () => {
  const text = read("ARCHITECTURE.md");
  expectNone(
    sourceFolders().filter((folder) => !new RegExp(`(^|[\`\\s(/])${folder}/`, "m").test(text)),
    "folders of src/ that ARCHITECTURE.md does not name",
  );
});

/** What stands in backticks, or in a fenced drawing's words, and looks like a path of this repository. */
function pathsIn(markdown: string): string[] {
  const spans = [...markdown.replace(/^```[^]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
  const looksLikePath = (text: string) =>
    /^\.?[\w@][\w@.*/-]*$/.test(text) && (text.includes("/") || /\.(ts|md)$/.test(text));
  const isForeign = (text: string) => /^(@|node\/|portmortem\/)/.test(text);
  return [...new Set(spans.filter((span) => looksLikePath(span) && !isForeign(span)))];
}

/** `base/errors.ts` may leave out the `src/`. A star stands for anything, once it matches something. */
function isThere(path: string): boolean {
  if (!path.includes("*")) return exists(path) || exists(join("src", path));
  const pattern = new RegExp(
    `^(src/)?${path
      .split(/(\*\*\/|\*)/)
      .map((part) => (part === "**/" ? "(.*/)?" : part === "*" ? "[^/]*" : part.replace(/[.+^${}()|[\]\\]/g, "\\$&")))
      .join("")}$`,
  );
  return ["src", "test", "docs", "bench", "scripts"]
    .filter(exists)
    .some((top) =>
      readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).some((file) =>
        pattern.test(`${top}/${file}`),
      ),
    );
}
