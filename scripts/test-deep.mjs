// npm run test:deep   a hundred thousand random scenarios about bind() and listen(), a few minutes; `npm test` plays a thousand of them
//   SEED=n            from this one on (default 1); a failure names its own
//   SCENARIOS=n       so many
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
const SCENARIOS = process.env.SCENARIOS ?? "100000";
run(["--enable-source-maps", "--test-reporter=spec", "build/test/kernel/bind-agreement.test.js"], {
  ...process.env,
  SCENARIOS,
});
