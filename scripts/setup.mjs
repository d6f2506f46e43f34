// Installs the dependencies when they are missing or other than package-lock.json says; costs under a millisecond when they are right.
// Everything that npm says goes to stderr: stdout belongs to the command that was asked for.
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../", import.meta.url));

const lockFile = `${root}package-lock.json`;
/** A copy of the lock file that was installed last. Lives in node_modules, so that it goes when they go. */
const stampFile = `${root}node_modules/.portmortem-lock.json`;
/** npm's own record of what it put into node_modules. */
const installedFile = `${root}node_modules/.package-lock.json`;

export async function ensureInstalled() {
  const wanted = readFileSync(lockFile);
  if (existsSync(stampFile) && existsSync(installedFile) && readFileSync(stampFile).equals(wanted)) return;
  if (!isInstalled(JSON.parse(wanted.toString()))) await install();
  copyFileSync(lockFile, stampFile);
}

/** True if somebody's own `npm install` has already put everything in place. */
function isInstalled(lock) {
  if (!existsSync(installedFile)) return false;
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
  return Object.entries(lock.packages).every(
    ([path, { version, optional }]) =>
      path === "" || installed[path]?.version === version || (optional && !installed[path]),
  );
}

async function install() {
  const { spawnSync } = await import("node:child_process");
  process.stderr.write("portmortem: installing dependencies (once)\n");
  // No install scripts: nothing that we depend on needs one. --loglevel undoes the silence of .npmrc.
  const options = [
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--include=dev",
    "--include=optional",
    "--loglevel=error",
  ];
  for (const command of ["ci", "install"]) {
    const { status } = spawnSync("npm", [command, ...options], { cwd: root, stdio: ["ignore", 2, 2] });
    if (status === 0) return;
  }
  process.stderr.write("portmortem: the dependencies could not be installed; npm's reason stands above\n");
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureInstalled();
