// docs/cli.md and the program name the same commands, options, choices, exit statuses, rules, words of the filter and fields of the JSON.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { COMMANDS, COMMON_OPTIONS } from "../../src/cli/commands.ts";
import { EXIT } from "../../src/cli/exit-status.ts";
import { parseFilter } from "../../src/tcp/filter/parse-filter.ts";
import { STATES, STATE_GROUPS } from "../../src/tcp/states.ts";
import { FINDINGS } from "../../src/verdict/findings/table.ts";
import { expectNone, read } from "./repository.ts";
import { children, parse, walk, type Node } from "./syntax.ts";

const page = read("docs/cli.md");

/** The text under a heading, up to the next one of the same or a higher level. */
function section(heading: string): string {
  const level = /^#+/.exec(heading)![0].length;
  const start = page.indexOf(`\n${heading}\n`);
  assert.ok(start >= 0, `docs/cli.md has no "${heading}"`);
  const body = page.slice(start + heading.length + 2);
  const end = new RegExp(`^#{1,${level}} `, "m").exec(body);
  return end ? body.slice(0, end.index) : body;
}

const inCode = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
/** `- \`--flags\`: text`, as `[flags, text]`. */
const optionsIn = (text: string) =>
  [...text.matchAll(/^- `(-[^`]*)`: ([^]*?)(?=^- |^$)/gm)].map((match) => [match[1] ?? "", match[2] ?? ""] as const);
const firstCells = (text: string) => [...text.matchAll(/^\| `?([^|`]+?)`? \|/gm)].map((match) => match[1] ?? "");

describe("options", () => {
  const places = [
    { heading: "## Everywhere", options: COMMON_OPTIONS },
    ...COMMANDS.map(({ name, options }) => ({
      heading: new RegExp(`^## \`${name} .*$`, "m").exec(page)?.[0] ?? name,
      options,
    })),
  ];
  for (const { heading, options } of places) {
    test(`under "${heading}" are those of the program`, () => {
      assert.deepEqual(
        optionsIn(section(heading)).map(([flags]) => flags),
        options.map(({ flags }) => flags),
      );
    });

    test(`under "${heading}" have the choices of the program`, () => {
      const texts = new Map(optionsIn(section(heading)));
      for (const { flags, choices = [] } of options)
        for (const choice of choices) assert.ok(inCode(texts.get(flags) ?? "").includes(choice), `${flags}: ${choice}`);
    });
  }
});

test("the table of exit statuses is that of the program", () => {
  const rows = firstCells(section("### Exit status")).filter((cell) => /^\d+$/.test(cell));
  assert.deepEqual(rows.map(Number), Object.values(EXIT));
});

test("the table of rules is that of the program", () => {
  const heading = /^## `why .*$/m.exec(page)![0];
  const union = /export type BlockerRule =([^;]*);/.exec(read("src/verdict/why.ts"))![1] ?? "";
  const rules = [...union.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(
    firstCells(section(heading)).filter((cell) => cell !== "rule"),
    rules,
  );
});

test("the table of findings is that of the program", () => {
  const heading = /^## `doctor .*$/m.exec(page)![0];
  assert.deepEqual(
    firstCells(section(heading).split("### JSON")[0] ?? "").filter((cell) => cell !== "finding"),
    FINDINGS.map(({ code }) => code),
  );
});

describe("the filter", () => {
  const text = section("### The filter");

  test("every condition that is documented is understood", () => {
    const conditions = [...(text.split("####")[0] ?? "").matchAll(/^\| `([^|`]+)` \|/gm)].map(
      (match) => match[1] ?? "",
    );
    assert.ok(conditions.length > 10);
    for (const condition of conditions) parseFilter(condition);
  });

  test("every word of the language is documented", () => {
    const list = /const KEYWORDS = \[([^\]]*)\]/.exec(read("src/tcp/filter/parse-term.ts"))![1] ?? "";
    const words = [...list.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? "");
    assert.ok(words.length > 10);
    expectNone(
      words.filter((word) => !inCode(text).some((code) => code.split(/\s/).includes(word))),
      "words of the filter that docs/cli.md does not have",
    );
  });

  test("every state and group is documented", () => {
    const words = [...STATES.map(({ ss }) => ss), ...Object.keys(STATE_GROUPS)];
    expectNone(
      words.filter((word) => !inCode(text).includes(word)),
      "states that docs/cli.md does not have",
    );
  });
});

describe("fields of the JSON", () => {
  const documented = new Set([
    ...inCode(page).flatMap((code) => code.split(/[.[\]]+/)),
    ...[...page.matchAll(/"(\w+)":/g)].map((match) => match[1] ?? ""),
  ]);
  for (const file of [
    "src/tcp/socket.ts",
    "src/tcp/tcp-info.ts",
    "src/verdict/why.ts",
    "src/verdict/why-connect.ts",
    "src/explain/explanation.ts",
    "src/tcp/drop-result.ts",
  ])
    test(`of ${file} are documented`, () => {
      expectNone(
        propertiesOf(file).filter((name) => !documented.has(name)),
        "fields that docs/cli.md does not have",
      );
    });

  test("states are documented under their own names", () => {
    const words = inCode(section("## A socket in JSON"));
    expectNone(
      STATES.map(({ name }) => name).filter((name) => !words.includes(name)),
      "states",
    );
  });
});

/** The names of all properties of a file's interfaces and literal types. */
function propertiesOf(path: string): string[] {
  const text = read(path);
  const names = new Set<string>();
  for (const node of walk(parse(path, text)))
    if (node.type === "TSPropertySignature") for (const key of children(node)) addName(key, names);
  assert.ok(names.size > 5, `found no properties in ${path}`);
  return [...names];
}

function addName(key: Node, names: Set<string>): void {
  if (key.type === "Identifier") names.add(String(key["name"]));
}
