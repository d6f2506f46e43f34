// The table of errors and its documentation name the same codes, and none comes back from retirement.
import { test } from "node:test";
import { ERRORS, RETIRED_ERRORS } from "../../src/base/errors.ts";
import { expectNone, read } from "./repository.ts";

const documented = () =>
  [...read("docs/errors.md").matchAll(/^### `?([A-Z][A-Z0-9_]+)`?\s*$/gm)].map((match) => match[1] ?? "");

test("docs/errors.md has a heading for each error", () => {
  const headings = new Set(documented());
  expectNone(
    Object.keys(ERRORS).filter((code) => !headings.has(code)),
    "codes without a `### CODE` heading in docs/errors.md",
  );
});

test("docs/errors.md has no heading for what is no error", () => {
  expectNone(
    documented().filter((code) => !(code in ERRORS) && !RETIRED_ERRORS.includes(code)),
    "headings without a code in src/base/errors.ts",
  );
});

test("docs/errors.md has each heading once", () => {
  const headings = documented();
  expectNone(
    headings.filter((code, at) => headings.indexOf(code) !== at),
    "twice",
  );
});

test("no retired code is in use", () => {
  expectNone(
    RETIRED_ERRORS.filter((code) => code in ERRORS),
    "retired, and in the table",
  );
});
