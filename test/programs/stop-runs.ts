/** `stop-runs.js FOLDER`: stops all the runs that are written down there, and prints the answer. */
import { stopRuns } from "../../src/keep/stop-runs.ts";

process.stdout.write(`${JSON.stringify(await stopRuns({ folder: process.argv[2] ?? "", all: true }))}\n`);
