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

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  async (error: unknown) => {
    if (error instanceof ClosedPipe) return;
    const { reportFailure } = await import("./failure.ts");
    process.exitCode = reportFailure(error, process.argv.slice(2));
  },
);
