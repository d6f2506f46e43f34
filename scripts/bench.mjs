// npm run bench            the benchmarks there are
// npm run bench -- NAME …  builds the command and runs bench/NAME.mjs with the rest of the arguments
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root } from "./setup.mjs";
import { cliIsStale } from "./freshness.mjs";

const folder = join(root, "bench");
const names = (existsSync(folder) ? readdirSync(folder) : [])
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => file.slice(0, -".mjs".length));
const [name, ...args] = process.argv.slice(2);

if (!names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- ${names.join("|") || "NAME (there is none yet)"} [ARGS…]\n`);
  process.exit(name === undefined ? 0 : 2);
}
await ensureInstalled();
const { buildCli, buildLib } = await import("./build.mjs");
if (cliIsStale()) await buildCli();
// Some look at the library as it is published.
await buildLib();
// With it, Node 20 reads a whole certificate store at every start and all figures are wrong.
delete process.env.NODE_EXTRA_CA_CERTS;
process.argv = [process.execPath, join(root, `bench/${name}.mjs`), ...args];
await import(`../bench/${name}.mjs`);
