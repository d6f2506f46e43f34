// npm test                     installs, builds, checks format, lint and types, and runs every test that this machine can run
// npm test -- kernel house     only these suites (or checks: format lint types)
// npm test -- src/tcp/filter   only test files whose path contains this
//
// Quiet as long as all is well: a line a suite, failures in full, every skip with its reason, and the totals last. Where CI is set, a skip
// is a failure: a machine that is meant to prove something must be able to.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "node:test";
import { ensureInstalled, root } from "./setup.mjs";
import { cliIsStale } from "./freshness.mjs";
import { killLeftovers, markWhatIsStarted } from "./leftovers.mjs";

const checks = ["format", "lint", "types"];
const suites = {
  unit: "src",
  contracts: "test/contracts",
  kernel: "test/kernel",
  e2e: "test/e2e",
  house: "test/house",
};
/** These look at what is published, not at the sources. */
const suitesOfTheBuilt = ["kernel", "e2e", "house"];
const build = join(root, "build");
/** More for those that are asked to do a thing a thousand times. */
const fileTimeoutMs = Number(process.env.FILE_MINUTES ?? 5) * 60_000;

/** @type {{ passed: number, failed: number, skipped: string[] }} */
const total = { passed: 0, failed: 0, skipped: [] };
const say = (text) => process.stdout.write(`${text}\n`);

process.chdir(root);
// With it, Node 20 reads a whole certificate store at each start: tests of programs' start-up would measure that.
delete process.env.NODE_EXTRA_CA_CERTS;
const startedAt = Date.now();

const { wantedChecks, files } = select(process.argv.slice(2));
await ensureInstalled();
const { buildCli, buildLib } = await import("./build.mjs");

const needsBuilt = suitesOfTheBuilt.some((suite) => files[suite].length > 0);
if (needsBuilt && cliIsStale()) await step("build cli", () => buildCli());
if (needsBuilt) await step("build lib", buildLib);
if (wantedChecks.includes("format")) await step("format", () => tool("oxfmt", "oxfmt", ["--list-different"]));
if (wantedChecks.includes("lint")) await step("lint", () => tool("oxlint", "oxlint", []));
// Compiling is the type check; with a mistake in the types the tests run all the same.
await step("types", () => tool("typescript", "tsc", ["-p", "tsconfig.build.json"]));
markWhatIsStarted();
for (const [suite, list] of Object.entries(files)) if (list.length > 0) await runSuite(suite, list);
finish();

/** What the arguments ask for; without any: everything. */
function select(selectors) {
  const found = Object.fromEntries(Object.entries(suites).map(([suite, folder]) => [suite, testFiles(folder)]));
  if (selectors.length === 0) return { wantedChecks: checks, files: found };
  for (const selector of selectors)
    if (
      !checks.includes(selector) &&
      !suites[selector] &&
      !Object.values(found)
        .flat()
        .some((file) => file.includes(selector))
    ) {
      say(
        `npm test: "${selector}" is no suite (${Object.keys(suites).join(" ")}), no check (${checks.join(" ")}), and in no test's path`,
      );
      process.exit(2);
    }
  const isWanted = (suite, file) =>
    selectors.some((selector) => selector === suite || (!suites[selector] && file.includes(selector)));
  return {
    wantedChecks: checks.filter((check) => selectors.includes(check)),
    files: Object.fromEntries(
      Object.entries(found).map(([suite, list]) => [suite, list.filter((file) => isWanted(suite, file))]),
    ),
  };
}

function testFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => join(folder, path))
    .sort();
}

async function step(name, work) {
  const from = Date.now();
  let problem;
  try {
    await work();
  } catch (error) {
    problem = error.message;
  }
  if (problem === undefined) total.passed++;
  else total.failed++;
  say(`${name.padEnd(10)} ${problem === undefined ? "ok" : "FAILED"}  ${seconds(from)}`);
  if (problem) say(indent(problem));
  if (problem && name === "format") say("  `npm run format` puts these right");
}

/** Runs a development tool by its package's own file; no PATH, no shell. Throws what it printed. */
function tool(packageName, command, args) {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [`node_modules/${packageName}/bin/${command}`, ...args],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  if (status !== 0) throw new Error(error?.message ?? `${stdout}${stderr}`.trim());
}

async function runSuite(suite, sources) {
  const from = Date.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  /** What a test file printed, shown only if something in it fails. */
  const printed = new Map();
  const failedFiles = new Set();
  const waiting = [...sources];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift())
      await runFile(file, counts, printed, failedFiles);
  };
  await Promise.all([worker(), worker()]);
  const leftovers = await killLeftovers();
  if (leftovers.length > 0) {
    counts.failed++;
    say(`FAILED ${suite}: tests have left running\n${indent(leftovers.join("\n"))}`);
  }
  for (const file of failedFiles)
    if (printed.has(file)) say(`printed by ${file}:\n${indent(printed.get(file).trimEnd().slice(-8000))}`);
  total.passed += counts.passed;
  total.failed += counts.failed;
  say(
    `${suite.padEnd(10)} ${counts.failed ? "FAILED" : "ok"}  ${seconds(from)}  ${counted(counts.passed, counts.failed, counts.skipped)}`,
  );
}

/** Node reports a file that ended badly, or without a test, as a test with the file's name. */
/** One file, one process. A test is the file's that ran it, wherever it is written: a suite of test/contracts/ is run by many. */
async function runFile(file, counts, printed, failedFiles) {
  let tests = 0;
  const fail = (text) => {
    counts.failed++;
    failedFiles.add(file);
    say(`FAILED ${file}${text}`);
  };
  for await (const { type, data } of run({
    files: [resolve("build", file.replace(/\.ts$/, ".js"))],
    timeout: fileTimeoutMs,
  })) {
    if (type === "test:stdout" || type === "test:stderr") printed.set(file, (printed.get(file) ?? "") + data.message);
    else if (type === "test:pass") {
      if (isWholeFile(data)) continue;
      tests++;
      const reason = data.skip ?? data.todo;
      if (reason !== undefined && reason !== false) {
        counts.skipped++;
        total.skipped.push(
          `${file}: ${data.name}: ${typeof reason === "string" && reason ? reason : "no reason given"}`,
        );
      } else if (data.details.type !== "suite") counts.passed++;
    } else if (type === "test:fail") {
      tests++;
      if (data.details.error?.failureType === "subtestsFailed") continue;
      fail(`${isWholeFile(data) ? "" : `: ${data.name}`}\n${indent(reasonOf(data.details.error))}`);
    }
  }
  if (tests === 0) fail(": there is no test in it");
}

function isWholeFile({ name }) {
  return name.endsWith(".test.js") && resolve(name).startsWith(build);
}

function reasonOf(error) {
  const thrown = error?.cause ?? error;
  const text = thrown instanceof Error || typeof thrown?.stack === "string" ? thrown.stack : String(thrown);
  return text
    .split("\n")
    .filter((line) => !/^\s+at .*(node:internal|\(node:)/.test(line))
    .join("\n")
    .replaceAll(`file://${root}`, "")
    .replaceAll(root, "");
}

function finish() {
  // What no package brings, a device of the kernel, is said and not held against the machine.
  const missing = total.skipped.filter((line) => !line.includes("no package brings it"));
  const strict = Boolean(process.env.CI) && missing.length > 0;
  if (total.skipped.length > 0) say(`\nskipped:\n${total.skipped.map((line) => `  ${line}`).join("\n")}`);
  if (strict)
    say(
      `\nCI is set, so ${missing.length} of the skipped above count against this run: make the machine able to run them.`,
    );
  say(`\nin ${seconds(startedAt)}, Node ${process.version}`);
  say(counted(total.passed, total.failed, total.skipped.length));
  const status = total.failed > 0 || strict ? 1 : 0;
  // Not at the end of all that is open: whatever a test left behind may hold the pipes that its output came through.
  process.stdout.write("", () => process.exit(status));
}

function counted(passed, failed, skipped) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function seconds(from) {
  return `${((Date.now() - from) / 1000).toFixed(1)} s`;
}

function indent(text) {
  return text.replace(/^/gm, "  ");
}
