/**
 * Reads a command line that has nothing wrong with it, straight from the declarations. Help, mistakes and rarer ways of writing (`-lu`,
 * `--`) are left to commander, which words the answer: it costs 6 ms to load and to set up, a fifth of an empty Node program, and is not
 * needed for `ls -l`. A test holds the two against each other.
 */
import type { CommandDeclaration, OptionDeclaration } from "./command.ts";
import { COMMANDS, COMMON_OPTIONS } from "./commands.ts";
import type { CommandCall } from "./run-command.ts";

/** Undefined: ask commander. */
export function readPlainArguments([name, ...words]: readonly string[]): CommandCall | undefined {
  const declaration = COMMANDS.find((command) => command.name === name);
  if (declaration === undefined) return undefined;
  const declared = [...declaration.options, ...COMMON_OPTIONS];
  const options = defaultsOf(declared);
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (declaration.passesThrough === true && (word === "--" || !word.startsWith("-"))) {
      operands.push(...words.slice(word === "--" ? at + 1 : at));
      break;
    }
    if (!word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    const option = declared.find(({ flags }) => spellingsOf(flags).includes(word));
    if (option === undefined) return undefined;
    if (option.flags.includes("<")) {
      const value = words[++at];
      if (value === undefined || value.startsWith("-") || option.choices?.includes(value) === false) return undefined;
      const before = options[keyOf(option)] as readonly string[] | undefined;
      options[keyOf(option)] = option.several === true ? [...(before ?? []), value] : value;
    } else options[keyOf(option)] = !isNegative(option);
  }
  const args = assignOperands(declaration, operands);
  return args === undefined ? undefined : { declaration, args, options };
}

/** "-l, --listening" or "--sort <key>": the ways of writing it, the long one last. */
function spellingsOf(flags: string): string[] {
  return flags.split(" <", 1)[0]!.split(", ");
}

function isNegative({ flags }: OptionDeclaration): boolean {
  return flags.includes("--no-");
}

/** As commander has it: `--no-reuse-addr` and `--reuse-addr` are both `reuseAddr`. */
function keyOf(option: OptionDeclaration): string {
  const long = spellingsOf(option.flags)
    .at(-1)!
    .slice(isNegative(option) ? 5 : 2);
  const [first, ...rest] = long.split("-");
  return first + rest.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

/** What can only be switched off is on. */
function defaultsOf(declared: readonly OptionDeclaration[]): Record<string, unknown> {
  const defaults: Record<string, unknown> = {};
  for (const option of declared) {
    if (isNegative(option) && !declared.some(({ flags }) => flags === option.flags.replace("--no-", "--")))
      defaults[keyOf(option)] = true;
  }
  return defaults;
}

/** As the usage says: `<required>`, `[optional]`, `[several...]`. Undefined: too few or too many. */
function assignOperands({ usage }: CommandDeclaration, operands: readonly string[]): unknown[] | undefined {
  const places = usage.split(" ").slice(1);
  const args: unknown[] = [];
  for (const [index, place] of places.entries()) {
    if (index >= operands.length && place.startsWith("<")) return undefined;
    if (place.includes("...")) return [...args, operands.slice(index)];
    args.push(operands[index]);
  }
  return operands.length > places.length ? undefined : args;
}
