// npm run test:deep         all of it, some minutes each
// npm run test:deep bind    a hundred thousand random scenarios about bind() and listen(); `npm test` plays a thousand of them
// npm run test:deep free    ten thousand random scenes in which a port is freed; `npm test` plays three hundred
//   SEED=n            from this one on (default 1); a failure names its own
//   SCENARIOS=n       so many binds
//   SCENES=n          so many ports that are freed
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, root } from "./setup.mjs";

process.chdir(root);
await ensureInstalled();
const run = (args, env = process.env) => {
  const { status, error } = spawnSync(process.execPath, args, { stdio: "inherit", env });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
};
run([join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"]);
const SUITES = {
  bind: { file: "bind-agreement", SCENARIOS: "100000" },
  free: { file: "free-safety", SCENES: "10000" },
};
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(SUITES)) {
  if (!(name in SUITES))
    throw new Error(`npm run test:deep: there are ${Object.keys(SUITES).join(" and ")}, not ${name}`);
  const { file, ...counts } = SUITES[name];
  run(["--enable-source-maps", "--test-reporter=spec", `build/test/kernel/${file}.test.js`], {
    ...counts,
    ...process.env,
  });
}
