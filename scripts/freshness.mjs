// Is dist/cli.cjs older than what it is made of? One stat a file, no hashing: a few milliseconds for the whole of src/.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

export const cliFile = join(root, "dist/cli.cjs");

const inputs = ["src", "package.json", "package-lock.json", "scripts/build.mjs", "scripts/parts.mjs"];

export function cliIsStale() {
  const built = statSync(cliFile, { throwIfNoEntry: false });
  return !built || inputs.some((path) => isNewer(join(root, path), built.mtimeMs));
}

/** Folders count as well: theirs is the only time that changes when a file is deleted or renamed. */
function isNewer(path, builtMs) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return false; // removed since its folder was read: the folder's time tells
  if (stat.mtimeMs > builtMs) return true;
  if (!stat.isDirectory()) return false;
  return readdirSync(path).some((name) => !name.endsWith(".test.ts") && isNewer(join(path, name), builtMs));
}
