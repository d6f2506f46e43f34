/** From words to a command: the quick way for lines that are plainly right, commander for all others. */
import { readPlainArguments } from "./plain-arguments.ts";
import { runCommand } from "./run-command.ts";

/** Answers the exit status. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const call = readPlainArguments(argv);
  if (call !== undefined) return runCommand(call, argv);
  const { runProgram } = await import("./program.ts");
  return runProgram(argv);
}
