/**
 * A kernel that says no: a command runs under test/programs/refuse.c, which refuses what its rules name and lets all else through. As words in
 * front of a command: `s.command([...], { under: refusing("answer:21=EPERM") })`, `{ under }` of a Program, or before any other one's.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { once } from "./needs.ts";

/** nlmsg_type of sock_diag. */
export const SOCK_DESTROY = 21;
/** A dump, or a look at one socket; 18 is the old request for a dump of both families. */
export const SOCK_DIAG_BY_FAMILY = 20;
export const TCPDIAG_GETSOCK = 18;

const folder = { path: "" };

/** Compiles it once in this process, and tries it. */
export const REFUSER = once(() => {
  folder.path = mkdtempSync(join(tmpdir(), "portmortem-refuse-"));
  // Other users run it too.
  chmodSync(folder.path, 0o755);
  process.on("exit", () => rmSync(folder.path, { recursive: true, force: true }));
  const compiled = spawnSync("cc", ["-Wall", "-Werror", "-O1", "-o", program(), sourceOf(import.meta.dirname)], {
    encoding: "utf8",
  });
  if (compiled.status !== 0) return `probed: cc refuse.c; ${compiled.error?.message ?? compiled.stderr.trim()}`;
  const tried = spawnSync(program(), ["answer:21=EPERM", "--", "true"], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `probed: seccomp with a supervisor; ${tried.stderr.trim()}`;
});

/** The words to put before a command. Needs `REFUSER`. */
export function refusing(...rules: readonly string[]): readonly string[] {
  const missing = REFUSER();
  if (missing !== undefined) throw new Error(missing);
  return [program(), ...rules, "--"];
}

function program(): string {
  return join(folder.path, "refuse");
}

function sourceOf(here: string): string {
  const source = join(here, "test/programs/refuse.c");
  return existsSync(source) ? source : sourceOf(dirname(here));
}
