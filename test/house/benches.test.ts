// A figure that is promised has a benchmark, and whoever opens it sees what is promised and what was measured.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { expectNone, read, root } from "./repository.ts";

test("every benchmark opens with its target and its last figures, with kernel, Node and day", () => {
  const files = readdirSync(join(root, "bench")).filter((name) => name.endsWith(".mjs"));
  const wanted = [
    /^\/\/ Targets?: /,
    /\n\/\/ Last: [^]*\d/,
    /Linux \d+\.\d+[^]*Node[ /\n]*\d+\.\d+\.\d+[^]*\d{4}-\d\d-\d\d/,
  ];
  const opening = (name: string): string => /^(?:\/\/.*\n)+/.exec(read(join("bench", name)))?.[0] ?? "";
  expectNone(
    files.filter((name) => !wanted.every((pattern) => pattern.test(opening(name)))),
    "benchmarks whose opening lacks one of them",
  );
});
