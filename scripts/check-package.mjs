// npm run check:package: what a user of the package would get. Packs it as the registry would (which builds everything), then asks publint
// and attw about the tarball, and knip about files, exports and dependencies that nothing uses.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, root } from "./setup.mjs";

process.chdir(root);
await ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "portmortem-pack-"));
let failed = 0;
try {
  check("npm pack", "npm", ["pack", "--loglevel=error", "--pack-destination", folder]);
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "no-tarball.tgz");
  check("publint", process.execPath, [bin("publint"), "--strict", tarball]);
  check("attw", process.execPath, [bin("@arethetypeswrong/cli"), "--profile", "esm-only", tarball]);
  check("knip", process.execPath, [bin("knip")]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

function check(name, command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  process.stdout.write(`${name.padEnd(10)} ${status === 0 ? "ok" : "FAILED"}\n`);
  if (status === 0) return;
  failed++;
  process.stdout.write(`${error?.message ?? `${stdout}${stderr}`}\n`);
}

function bin(packageName) {
  const { bin: entry } = JSON.parse(readFileSync(`node_modules/${packageName}/package.json`, "utf8"));
  return join("node_modules", packageName, typeof entry === "string" ? entry : Object.values(entry)[0]);
}
