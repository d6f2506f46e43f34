/** Programs in C of test/programs/, compiled to static ones: nothing of theirs can be replaced by a library that is loaded first. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { once } from "./needs.ts";

const ROOT = findRoot(import.meta.dirname);

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}

function compile(source: string, target: string): string | undefined {
  const { status, stderr, error } = spawnSync(
    "cc",
    ["-O1", "-Wall", "-Werror", "-static", "-pthread", "-o", target, source],
    { encoding: "utf8" },
  );
  return status === 0 ? undefined : (error?.message ?? stderr);
}

/** A C compiler with a C library to link statically. */
export const STATIC_C = once(() => {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  try {
    writeFileSync(join(folder, "probe.c"), "int main(void) { return 0; }\n");
    const problem = compile(join(folder, "probe.c"), join(folder, "probe"));
    return problem === undefined ? undefined : `probed: cc -static; ${problem.split("\n", 1)[0]}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The compiled program's path. Compiled when it is older than its source. */
export function cProgram(name: string): string {
  const source = join(ROOT, "test/programs", `${name}.c`);
  const target = join(ROOT, "build/programs", name);
  const built = statSync(target, { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > statSync(source).mtimeMs) return target;
  mkdirSync(dirname(target), { recursive: true });
  const aside = `${target}.${process.pid}`;
  const problem = compile(source, aside);
  if (problem !== undefined) throw new Error(`${source}: ${problem}`);
  renameSync(aside, target);
  return target;
}
