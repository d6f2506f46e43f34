// What the house tests know about the repository: where it is and which files it has.
import { execFileSync } from "node:child_process";
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
  return execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((path) => path !== "" && exists(path))
    .sort();
}

/** Fails with one line for each offender. */
export function expectNone(offenders: readonly string[], rule: string): void {
  if (offenders.length > 0) throw new Error(`${rule}:\n${offenders.map((line) => `  ${line}`).join("\n")}`);
}
