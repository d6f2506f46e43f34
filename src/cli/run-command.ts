/** One command, once its words are understood: its context, its body, its recording. */
import type { CommandDeclaration } from "./command.ts";
import { createContext } from "./context.ts";
import type { CommonOptions } from "./context.ts";

/** What stands on the command line, taken apart. */
export interface CommandCall {
  readonly declaration: CommandDeclaration;
  /** The operands in their order; an array for one that takes several. */
  readonly args: readonly unknown[];
  readonly options: CommonOptions & Readonly<Record<string, unknown>>;
}

/** Answers the exit status. */
export async function runCommand(
  { declaration, args, options }: CommandCall,
  argv: readonly string[],
): Promise<number> {
  const run = await declaration.load();
  const context = await createContext(options, argv);
  let failed = true;
  try {
    const status = await run(context, args, options);
    failed = false;
    return status;
  } finally {
    // Also after a failure: that is what a bug report needs.
    context.finish(failed);
  }
}
