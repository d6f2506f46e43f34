import assert from "node:assert/strict";
import { test } from "node:test";
import { overview } from "./overview.ts";
import { COMMANDS, COMMON_OPTIONS } from "./commands.ts";

/** "-l, --listening", "--user <name|uid>": a short name at most, a long one always, a value at most. */
const FLAGS = /^(?:-([a-zA-Z]), )?--([a-z][a-z0-9-]*)(?: <[a-z|:]+>)?$/;

test("commands have names of their own, and their usage starts with the name", () => {
  const names = COMMANDS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, usage } of COMMANDS) {
    assert.match(name, /^[a-z]+$/);
    assert.match(usage, new RegExp(`^${name}( (<[^<>]+>|\\[([^[\\]]|\\[[^[\\]]+\\])+\\]))*$`), usage);
  }
});

for (const { name, options } of COMMANDS) {
  const all = [...options, ...COMMON_OPTIONS];

  test(`${name}: its options are well formed, and no two have the same name`, () => {
    const taken = new Set<string>();
    for (const { flags } of all) {
      const match = FLAGS.exec(flags);
      assert.ok(match, flags);
      for (const one of [match[1], match[2]]) {
        if (one === undefined) continue;
        assert.ok(!taken.has(one), `${one} twice`);
        taken.add(one);
      }
    }
    for (const reserved of ["V", "version", "h", "help"])
      assert.ok(!taken.has(reserved), `${reserved} is taken everywhere`);
  });

  test(`${name}: only options with a value have choices, and their text names them`, () => {
    for (const { flags, text, choices } of all) {
      assert.ok(text.length > 3 && !text.endsWith("."), flags);
      if (choices === undefined) continue;
      assert.match(flags, /<\w+>$/);
      for (const choice of choices) assert.ok(text.includes(choice), `${flags}: ${choice}`);
    }
  });
}

test("every command has a summary, examples that call it with options that it has, and a body", async () => {
  for (const { name, summary, examples, options, load } of COMMANDS) {
    assert.ok(summary.length > 10 && summary.length < 70 && !summary.endsWith("."), summary);
    assert.ok(examples.length > 0, name);
    const known = new Set(
      [...options, ...COMMON_OPTIONS].flatMap(({ flags }) => flags.match(/(?<![\w-])--?[\w-]+/g) ?? []),
    );
    for (const { line, text } of examples) {
      assert.match(line, new RegExp(`^(sudo )?portmortem ${name}( |$)`), line);
      const [own = ""] = line.split(" -- ");
      for (const option of own.match(/(?<= )--?[a-z][\w-]*/g) ?? []) assert.ok(known.has(option), `${line}: ${option}`);
      assert.ok(text.length > 0);
    }
    assert.equal(typeof (await load()), "function");
  }
});

test("overview() names every command", () => {
  const text = overview();
  for (const { name, summary } of COMMANDS) assert.match(text, new RegExp(`^ {2}${name} +${summary}$`, "m"));
});
