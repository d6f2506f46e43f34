// What the house tests know about the repository: where it is and which files it has.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of package.json; the compiled tests stand deeper than their sources. */
export const root = findRoot(import.meta.dirname);

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}

export function read(path: string): string {
  const file = join(root, path);
  if (!existsSync(file)) throw new Error(`${path} is missing`);
  return readFileSync(file, "utf8");
}

export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

/** All TypeScript under src/, tests beside their sources left out. */
export function sourceFiles(): string[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => `src/${path}`)
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .sort();
}

/** The folders directly under src/. */
export function sourceFolders(): string[] {
  return readdirSync(join(root, "src")).filter((name) => statSync(join(root, "src", name)).isDirectory());
}

/** What is, or would be, in the repository: tracked and new files, not what .gitignore names. */
export function repositoryFiles(): string[] {
  const options = ["--cached", "--others", "--exclude-standard", "-z"];
  const git = spawnSync("git", ["ls-files", ...options], { cwd: root, encoding: "utf8" });
  // Without git, or in an unpacked archive: all but what a build leaves.
  const paths = git.status === 0 ? git.stdout.split("\0") : [...walkFolder(".")];
  return paths.filter((path) => path !== "" && exists(path)).sort();
}

function* walkFolder(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (/^(\.git|\.next|node_modules|dist|build|coverage)$/.test(entry.name)) continue;
    if (entry.isDirectory()) yield* walkFolder(join(folder, entry.name));
    else yield join(folder, entry.name);
  }
}

/** Fails with one line for each offender. */
export function expectNone(offenders: readonly string[], rule: string): void {
  if (offenders.length > 0) throw new Error(`${rule}:\n${offenders.map((line) => `  ${line}`).join("\n")}`);
}
