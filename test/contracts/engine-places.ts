// A machine's /run of its own, with sockets of engines where a test puts them.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { Containers } from "../../src/host/linux/containers.ts";
import type { ContainersOptions } from "../../src/host/linux/containers.ts";
import { SYSTEM_ROOTS } from "../../src/host/linux/system-roots.ts";

export interface EnginePlaces {
  readonly run: string;
  /** Where the socket of this name belongs; its directory is made. */
  path(name: string): string;
  containers(options?: ContainersOptions): Containers;
}

/** Removed when the test is over. Nothing is there but what the test puts there: no home, no environment. */
export function makeEnginePlaces(t: TestContext): EnginePlaces {
  const run = mkdtempSync(join(tmpdir(), "pm-e-"));
  t.after(() => rmSync(run, { recursive: true }));
  return {
    run,
    path: (name) => {
      const path = join(run, name);
      mkdirSync(dirname(path), { recursive: true });
      return path;
    },
    containers: (options = {}) =>
      new Containers({ roots: { ...SYSTEM_ROOTS, run, var: join(run, "var") }, environment: {}, ...options }),
  };
}
