/** The command line's whole grammar: help, and what is wrong with a line. Each command is one declaration in commands.ts. */
import { Command, CommanderError, Option } from "commander";
import { PortmortemError } from "../base/errors.ts";
import { nearestWord } from "../base/nearest-word.ts";
import { COMMANDS, COMMON_OPTIONS } from "./commands.ts";
import type { CommandDeclaration, OptionDeclaration } from "./command.ts";
import { EXIT } from "./exit-status.ts";
import { overview } from "./overview.ts";
import { terminalWidth, writeOut } from "./output.ts";
import { runCommand } from "./run-command.ts";
import { version } from "./version.ts";

export async function runProgram(argv: readonly string[]): Promise<number> {
  if (argv.length === 0) {
    writeOut(overview());
    return EXIT.ok;
  }
  refuseWithoutCommand(argv);
  let status: number = EXIT.ok;
  const program = new Command("portmortem")
    .description("Why a port or a socket will not let go: the socket, the rule and the seconds left.")
    .version(version, "-V, --version", "the version")
    .usage("<command> [options]")
    .enablePositionalOptions()
    .helpCommand("help [command]", "help about a command");
  for (const declaration of COMMANDS) {
    addCommand(program, declaration, argv, (result) => {
      status = result;
    });
  }
  const helpWidth = (await terminalWidth()) ?? 80;
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({
        writeOut,
        writeErr: () => undefined,
        outputError: () => undefined,
        // By itself commander asks process.stdout, which loads node:net.
        getOutHelpWidth: () => helpWidth,
        getOutHasColors: () => false,
      })
      // The choices stand in the text already.
      .configureHelp({ optionDescription: ({ description }) => description });
  }
  try {
    await program.parseAsync(argv[0] === "help" && argv[1] === "help" ? ["help"] : [...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    throw usageError(error, argv);
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
  if (declaration.passesThrough === true) command.passThroughOptions();
  if (declaration.about !== undefined) command.addHelpText("after", () => `\n${declaration.about}`);
  for (const option of [...declaration.options, ...COMMON_OPTIONS])
    command.addOption(toOption(option).hideHelp(declaration.asksNoMachine === true && option.ofMachine === true));
  command.addHelpText(
    "after",
    () => `\nExamples:\n${declaration.examples.map(({ line, text }) => `  $ ${line}\n      ${text}`).join("\n")}`,
  );
  command.action(async (...values: unknown[]) => {
    done(await runCommand({ declaration, args: values.slice(0, -2), options: command.opts() }, argv));
  });
}

function toOption(declaration: OptionDeclaration): Option {
  const option = new Option(declaration.flags, declaration.text);
  if (declaration.choices !== undefined) option.choices([...declaration.choices]);
  if (declaration.several === true)
    option.argParser((value, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** What the command is comes first, before commander looks for options: `whyy 80 --json` is about "whyy", not about --json. */
function refuseWithoutCommand([first = "", ...rest]: readonly string[]): void {
  const asked = first === "help" ? rest[0] : first;
  if (asked === undefined || isCommand(asked) || ["help", "--help", "-h", "--version", "-V"].includes(asked)) return;
  if (asked.startsWith("-")) {
    const command = rest.find(isCommand);
    if (command === undefined) return;
    throw new PortmortemError("PM_USAGE", `${asked} stands before the command`, {
      hint: `options stand after it: portmortem ${command} ${asked}`,
    });
  }
  const near = nearestWord(asked, [...COMMANDS.map(({ name }) => name), "help"]);
  throw new PortmortemError("PM_USAGE", `there is no command ${JSON.stringify(asked)}`, {
    hint:
      near !== undefined
        ? `did you mean ${near}?`
        : /^[[:\d]/.test(asked)
          ? `did you mean portmortem why ${asked}?`
          : `the commands: ${COMMANDS.map(({ name }) => name).join(", ")}`,
  });
}

function isCommand(word: string): boolean {
  return COMMANDS.some(({ name }) => name === word);
}

/** Commander's own words, in our form: what is wrong, then what to do. */
function usageError(error: CommanderError, argv: readonly string[]): PortmortemError {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const near = rest
    .join(" ")
    .trim()
    .replace(/^\((.*)\)$/, "$1")
    .replace(/^Did/, "did");
  const command = argv.find(isCommand);
  return new PortmortemError("PM_USAGE", first, {
    hint: near !== "" ? near : `portmortem ${command === undefined ? "" : `${command} `}--help shows what there is`,
  });
}
