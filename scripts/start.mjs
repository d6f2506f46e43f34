// Behind `npm start -- ARGS`: installs if needed, builds if needed, then is the command itself. The built file runs in this very process,
// so that its exit status, its signals and a closed pipe are its own. Nothing here may write to stdout.
import { createRequire } from "node:module";
import { ensureInstalled, root } from "./setup.mjs";
import { cliFile, cliIsStale } from "./freshness.mjs";

await ensureInstalled();
if (cliIsStale()) {
  try {
    const { buildCli } = await import("./build.mjs");
    await buildCli();
  } catch (error) {
    // What is wrong with the sources, esbuild has already said on stderr.
    process.stderr.write(`portmortem: the build failed${error.errors ? "" : `: ${error.stack}`}\n`);
    process.exit(1);
  }
}
process.argv.splice(1, 1, cliFile);
createRequire(root)(cliFile);
