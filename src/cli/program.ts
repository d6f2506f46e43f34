/** The command line's grammar. Each command is one declaration in commands.ts; its body is loaded when it runs. */
import { Command, CommanderError, Option } from "commander";
import { PortmortemError } from "../base/errors.ts";
import { nearestWord } from "../base/nearest-word.ts";
import { COMMANDS } from "./commands.ts";
import type { CommandDeclaration, OptionDeclaration } from "./command.ts";
import { createContext } from "./context.ts";
import type { CommonOptions } from "./context.ts";
import { EXIT } from "./exit-status.ts";
import { overview } from "./overview.ts";
import { writeOut } from "./output.ts";
import { version } from "./version.ts";

/** Options that every command takes (docs/cli.md, "Everywhere"). */
export const COMMON_OPTIONS: readonly OptionDeclaration[] = [
  { flags: "--json", text: "one JSON document on stdout, nothing else" },
  { flags: "--netns <name|path|pid>", text: "look into another network namespace (a container)" },
  { flags: "--record <file>", text: "save all that is read, for a bug report" },
  { flags: "--replay <file>", text: "answer from such a file instead of from this machine" },
  { flags: "--redact", text: "with --record: leave the arguments of command lines out" },
  { flags: "--color <when>", text: "auto, always or never", choices: ["auto", "always", "never"] },
  { flags: "-q, --quiet", text: "no warnings" },
  { flags: "-v, --verbose", text: "more detail" },
];

export async function runProgram(argv: readonly string[]): Promise<number> {
  let status: number = EXIT.ok;
  const program = new Command("portmortem")
    .description("Why a port or a socket will not let go: the socket, the rule and the seconds left.")
    .version(version, "-V, --version", "the version")
    .usage("<command> [options]")
    .helpCommand("help [command]", "help about a command")
    .configureHelp({ showGlobalOptions: false })
    .allowExcessArguments()
    .action(() => {
      const [unknown] = program.args;
      if (unknown !== undefined) throw unknownCommand(unknown);
      writeOut(overview());
    });
  for (const declaration of COMMANDS) {
    addCommand(program, declaration, argv, (result) => {
      status = result;
    });
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeOut, writeErr: () => undefined, outputError: () => undefined });
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    throw usageError(error);
  }
  return status;
}

function addCommand(
  program: Command,
  declaration: CommandDeclaration,
  argv: readonly string[],
  done: (status: number) => void,
): void {
  const command = program.command(declaration.usage).description(declaration.summary).allowExcessArguments(false);
  if (declaration.about !== undefined) command.addHelpText("after", () => `\n${declaration.about}`);
  for (const option of [...declaration.options, ...COMMON_OPTIONS]) command.addOption(toOption(option));
  command.addHelpText(
    "after",
    () => `\nExamples:\n${declaration.examples.map(({ line, text }) => `  $ ${line}\n      ${text}`).join("\n")}`,
  );
  command.action(async (...values: unknown[]) => {
    const options = command.opts<CommonOptions & Record<string, unknown>>();
    checkRecordingOptions(options);
    const run = await declaration.load();
    const context = await createContext(options, argv);
    try {
      done(await run(context, values.slice(0, -2), options));
    } finally {
      // Also after a failure: that is what a bug report needs.
      context.finish();
    }
  });
}

function checkRecordingOptions(options: CommonOptions): void {
  if (options.redact === true && options.record === undefined) {
    throw new PortmortemError("PM_USAGE", "--redact goes with --record", {
      hint: "it leaves the arguments of command lines out of the recording",
    });
  }
  if (options.record !== undefined && options.replay !== undefined) {
    throw new PortmortemError("PM_USAGE", "--record and --replay exclude each other", {
      hint: "a recording is made from a machine, not from a recording",
    });
  }
}

function toOption(declaration: OptionDeclaration): Option {
  const option = new Option(declaration.flags, declaration.text);
  if (declaration.choices !== undefined) option.choices([...declaration.choices]);
  return option;
}

function unknownCommand(word: string): PortmortemError {
  const near = nearestWord(
    word,
    COMMANDS.map(({ name }) => name),
  );
  return new PortmortemError("PM_USAGE", `there is no command ${word}`, {
    hint: near === undefined ? `there are: ${COMMANDS.map(({ name }) => name).join(", ")}` : `did you mean ${near}?`,
  });
}

/** Commander's own words, in our form: what is wrong, then what to do. */
function usageError(error: CommanderError): PortmortemError {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const near = rest
    .join(" ")
    .trim()
    .replace(/^\((.*)\)$/, "$1");
  return new PortmortemError("PM_USAGE", first, {
    hint: near === "" ? "portmortem --help shows the commands, portmortem COMMAND --help its options" : near,
  });
}
