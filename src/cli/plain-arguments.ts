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
  const known = optionsOf(declaration);
  const options = defaultsOf(known.values());
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    const option = known.get(word);
    if (option === undefined) return undefined;
    if (option.takesValue) {
      const value = words[++at];
      if (value === undefined || value.startsWith("-") || option.choices?.includes(value) === false) return undefined;
      options[option.key] = value;
    } else options[option.key] = !option.negative;
  }
  const args = assignOperands(declaration, operands);
  return args === undefined ? undefined : { declaration, args, options };
}

interface KnownOption {
  readonly key: string;
  readonly negative: boolean;
  readonly takesValue: boolean;
  readonly choices: readonly string[] | undefined;
}

/** By each way of writing it: `-l` and `--listening`. */
function optionsOf(declaration: CommandDeclaration): Map<string, KnownOption> {
  const known = new Map<string, KnownOption>();
  for (const option of [...declaration.options, ...COMMON_OPTIONS]) {
    const { spellings, ...facts } = readFlags(option);
    for (const spelling of spellings) known.set(spelling, facts);
  }
  return known;
}

/** "-l, --listening" or "--sort <key>". */
function readFlags({ flags, choices }: OptionDeclaration): KnownOption & { readonly spellings: readonly string[] } {
  const spellings = flags.split(/[ ,]+/).filter((word) => word.startsWith("-"));
  const long = spellings.at(-1)!.slice(2);
  const negative = long.startsWith("no-");
  const key = (negative ? long.slice(3) : long).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { spellings, key, negative, takesValue: flags.includes("<"), choices };
}

/** What can only be switched off is on. */
function defaultsOf(known: Iterable<KnownOption>): Record<string, unknown> {
  const all = [...known];
  const switchable = new Set(all.filter(({ negative }) => !negative).map(({ key }) => key));
  return Object.fromEntries(all.filter(({ key }) => !switchable.has(key)).map(({ key }) => [key, true]));
}

/** As the usage says: `<required>`, `[optional]`, `[several...]`. Undefined: too few or too many. */
function assignOperands({ usage }: CommandDeclaration, operands: readonly string[]): unknown[] | undefined {
  const places = usage.split(" ").slice(1);
  const args: unknown[] = [];
  for (const [index, place] of places.entries()) {
    if (place.includes("...")) return [...args, operands.slice(index)];
    if (index >= operands.length && place.startsWith("<")) return undefined;
    args.push(operands[index]);
  }
  return operands.length > places.length ? undefined : args;
}
