/** The entry. What `--version` does not need is not loaded for it: start-up is most of a short command. */
import { version } from "./version.ts";
import { ClosedPipe, writeOut } from "./output.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    writeOut(`${version}\n`);
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

// For the case that nothing is left to wait for, and no answer was found: that must not look like success. Not before: commander asks for
// process.exitCode.
process.once("exit", (code) => {
  if (code === 0 && !answered) process.exitCode = 70;
});
let answered = false;

// All output is written by now (output.ts writes to the descriptors), so nothing is lost by ending at once; taking the heap down
// first would cost 2 ms.
void main(process.argv.slice(2))
  .catch(failed)
  .then((status) => {
    answered = true;
    process.exit(status);
  });
