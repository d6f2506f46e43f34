/** The entry. What `--version` does not need is not loaded for it: start-up is most of a short command. */
import { LAUNCHER_WORD } from "../host/linux/launcher-messages.ts";
import { version } from "./version.ts";
import { ClosedPipe, writeOut } from "./output.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    writeOut(`${version}\n`);
    return 0;
  }
  // What `run` starts ahead of time: it becomes the program, and comes back only if that fails.
  if (argv[0] === LAUNCHER_WORD) {
    const { runLauncher } = await import("../host/linux/launcher.ts");
    runLauncher();
    return 0;
  }
  const { runCommandLine } = await import("./command-line.ts");
  return runCommandLine(argv);
}

async function failed(error: unknown): Promise<number> {
  if (error instanceof ClosedPipe) return 0;
  const { reportFailure } = await import("./failure.ts");
  return reportFailure(error, process.argv.slice(2));
}

let status: number | undefined;
// Nothing is left to wait for, and no answer was found: that must not look like success.
process.once("exit", () => {
  if (status === undefined) process.exitCode = 70;
});

// All output is written by now (output.ts writes to the descriptors), so nothing is lost by ending at once; taking the heap down
// first would cost 2 ms.
void main(process.argv.slice(2))
  .catch(failed)
  .then((answer) => process.exit((status = answer)));
