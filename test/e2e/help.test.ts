// The way in: what is printed before anything is asked of the machine.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { COMMANDS, COMMON_OPTIONS } from "../../src/cli/commands.ts";
import { read } from "../house/repository.ts";
import { portmortem } from "./command.ts";

const { version } = JSON.parse(read("package.json")) as { version: string };

for (const option of ["--version", "-V"])
  test(`${option} is the version and nothing else`, () => {
    assert.deepEqual(portmortem([option]), { status: 0, signal: null, stdout: `${version}\n`, stderr: "" });
  });

test("without arguments it says what it is and what to type next", () => {
  const { status, stdout, stderr } = portmortem([]);
  assert.equal(status, 0);
  assert.equal(stderr, "");
  for (const { summary } of COMMANDS) assert.ok(stdout.includes(summary));
  assert.match(stdout, /portmortem why \d+/);
  assert.ok(stdout.split("\n").length < 15);
});

describe("help", () => {
  for (const args of [["--help"], ["-h"], ["help"], ["help", "help"]])
    test(`portmortem ${args.join(" ")} lists the commands`, () => {
      const { status, stdout, stderr } = portmortem(args);
      assert.equal(status, 0);
      assert.equal(stderr, "");
      for (const { name } of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${name} `, "m"));
    });

  for (const { name, options, examples, asksNoMachine } of COMMANDS)
    for (const args of [
      [name, "--help"],
      [name, "-h"],
      ["help", name],
    ])
      test(`portmortem ${args.join(" ")} has every option once and the examples`, () => {
        const { status, stdout, stderr } = portmortem(args);
        assert.equal(status, 0);
        assert.equal(stderr, "");
        for (const { flags, ofMachine } of [...options, ...COMMON_OPTIONS]) {
          const shown = asksNoMachine === true && ofMachine === true ? 0 : 1;
          assert.equal(stdout.split(`\n  ${flags} `).length - 1, shown, `${flags} in ${stdout}`);
        }
        for (const { line } of examples) assert.ok(stdout.includes(`$ ${line}\n`), line);
        assert.doesNotMatch(stdout, /\(choices:/);
      });

  const runs = mkdtempSync(join(tmpdir(), "portmortem-"));
  after(() => rmSync(runs, { recursive: true }));

  for (const { name, examples } of COMMANDS)
    test(`the examples of ${name} are understood`, () => {
      for (const { line } of examples.filter((example) => !/^sudo|--netns/.test(example.line))) {
        const words = line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ""));
        // What is run would go on for ever; and no run but those of this test is to be stopped.
        const own = words.includes("--") ? [...words.slice(0, words.indexOf("--") + 1), "true"] : words;
        const { status, stderr } = portmortem(own.slice(1), { env: { PORTMORTEM_RUN_DIR: runs } });
        assert.ok(status === 0 || status === 1, `${line}: ${stderr}`);
      }
    });
});
