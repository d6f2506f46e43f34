import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, Option } from "commander";
import fc from "fast-check";
import { COMMANDS, COMMON_OPTIONS } from "./commands.ts";
import { readPlainArguments } from "./plain-arguments.ts";

interface Understood {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** What commander makes of a line, with the same declarations; undefined when it refuses it. */
function readByCommander(argv: readonly string[]): Understood | undefined {
  let understood: Understood | undefined;
  const program = new Command("portmortem").enablePositionalOptions();
  for (const { name, usage, options, passesThrough } of COMMANDS) {
    const command = program.command(usage).allowExcessArguments(false);
    if (passesThrough === true) command.passThroughOptions();
    for (const { flags, choices, several } of [...options, ...COMMON_OPTIONS]) {
      const option = new Option(flags);
      if (several === true) option.argParser((value, before?: readonly string[]) => [...(before ?? []), value]);
      command.addOption(choices === undefined ? option : option.choices([...choices]));
    }
    command.action((...values: unknown[]) => {
      understood = { name, args: values.slice(0, -2), options: command.opts() };
    });
  }
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  try {
    program.parse([...argv], { from: "user" });
  } catch {
    return undefined;
  }
  return understood;
}

function readPlainly(argv: readonly string[]): Understood | undefined {
  const call = readPlainArguments(argv);
  return call && { name: call.declaration.name, args: call.args, options: call.options };
}

const flags = [...COMMANDS.flatMap(({ options }) => options), ...COMMON_OPTIONS].flatMap((option) =>
  option.flags.split(/[ ,]+/).filter((word) => word.startsWith("-")),
);
const word = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...flags) },
  {
    weight: 3,
    arbitrary: fc.constantFrom("8080", "::1", "port", "state", "never", "auto", "sport = :80", "(", "!", "help"),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "--",
      "-",
      "-lu",
      "--sort=port",
      "--sort=",
      "--help",
      "-h",
      "-V",
      "--nonsense",
      "-5",
      "",
    ),
  },
  { weight: 1, arbitrary: fc.string() },
);

test("readPlainArguments() understands a line as commander does, or leaves it to commander", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...COMMANDS.map(({ name }) => name)),
      fc.array(word, { maxLength: 6 }),
      (name, words) => {
        const plain = readPlainly([name, ...words]);
        if (plain !== undefined) assert.deepEqual(plain, readByCommander([name, ...words]));
      },
    ),
    { numRuns: 3000 },
  );
});

for (const line of [
  "ls",
  "ls -l --json --no-owners",
  "ls --count --by state state time-wait",
  "why 9100 --json",
  "why --no-reuse-addr --user root 80",
  "why",
  "why --connect db:5432 --from :600-1023",
]) {
  test(`readPlainArguments() needs no help with: ${line}`, () => {
    const argv = line.split(" ");
    const plain = readPlainly(argv);
    assert.notEqual(plain, undefined);
    assert.deepEqual(plain, readByCommander(argv));
  });
}

for (const line of ["", "help", "--help", "ls --help", "ls -lu", "ls --nonsense", "ls --sort", "why 80 81", "lss"]) {
  test(`readPlainArguments() leaves to commander: ${line || "(nothing)"}`, () => {
    assert.equal(readPlainArguments(line === "" ? [] : line.split(" ")), undefined);
  });
}
