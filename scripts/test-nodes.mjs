// npm run test:nodes   what portmortem/graceful promises, on each major release of Node that is supported and is not this one
//
// drain() knows things of Node that have no public name, so each release has to prove them. The releases come from npm (as packages that are only the
// binary, so no install script is run) into a temporary folder. NODES="path path" takes these binaries instead.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, root } from "./setup.mjs";

const MAJORS = [20, 22, 24];
const FILES = /^graceful-.*\.test\.js$/;

process.chdir(root);
await ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "portmortem-nodes-"));
let failed = 0;
try {
  const compiled = run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
  if (compiled.status !== 0) process.stdout.write(compiled.text);
  const suite = "build/test/contracts";
  const files = readdirSync(suite).filter((file) => FILES.test(file));
  for (const binary of binaries())
    test(
      binary,
      files.map((file) => join(suite, file)),
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

function* binaries() {
  if (process.env.NODES !== undefined) return yield* process.env.NODES.split(" ");
  const own = Number.parseInt(process.versions.node, 10);
  for (const major of MAJORS.filter((one) => one !== own)) {
    const name = `node-linux-${process.arch}`;
    const prefix = join(folder, String(major));
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
    const { status, text } = run("npm", ["install", "--prefix", prefix, ...options, `${name}@${major}`]);
    if (status === 0) yield join(prefix, "node_modules", name, "bin/node");
    else fail(`node ${major}`, text);
  }
}

function test(binary, files) {
  const startedAt = Date.now();
  const { status, text } = run(binary, ["--enable-source-maps", "--test", "--test-reporter=tap", ...files]);
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const version = run(binary, ["--version"]).text.trim();
  const skips = [...text.matchAll(/# SKIP (.*)$/gm)].map(([, reason]) => reason);
  const name = `node ${version}`;
  // As in npm test: what CI leaves out is not proven.
  if (status !== 0 || !(count("pass") > 0) || (process.env.CI && skips.length > 0)) return fail(name, text);
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${name} ok  ${seconds} s  ${count("pass")} passed, 0 failed, ${count("skipped")} skipped\n`);
  for (const reason of new Set(skips)) process.stdout.write(`  skipped: ${reason}\n`);
}

function fail(name, text) {
  failed++;
  process.stdout.write(`${name} FAILED\n${text}\n`);
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return { status, text: error?.message ?? `${stdout}${stderr}` };
}
