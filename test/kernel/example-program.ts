/** A program of examples/ as users run it: `portmortem/graceful` is the built package, and what it needs otherwise is installed beside it. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DrainReport } from "../../src/graceful/graceful.ts";
import { once, type Need } from "./needs.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** This file was compiled to build/test/kernel/. */
const ROOT = join(import.meta.dirname, "../../..");
const EXAMPLES = join(ROOT, "examples");
const INSTALLED = join(EXAMPLES, "node_modules");

export const EXAMPLES_INSTALLED: Need = once(() =>
  existsSync(join(INSTALLED, "next/package.json"))
    ? undefined
    : "probed: examples/node_modules; examples are not installed: npm ci --prefix examples",
);

/** A package of examples/, for the client's side. */
export function exampleModule(name: string): unknown {
  return createRequire(join(EXAMPLES, "package.json"))(name);
}

export interface ExampleProgram {
  readonly port: number;
  /** SIGTERM; settles when it listens no more. */
  terminate(): Promise<void>;
  /** Its exit status, once it has ended by itself, and what drain() reported. */
  ended(): Promise<{ readonly status: number | string; readonly report: DrainReport }>;
}

/** Started, and it listens. */
export async function startExample(s: Story, path: string): Promise<ExampleProgram> {
  linkPackage();
  const child = spawn(process.execPath, [path], {
    cwd: EXAMPLES,
    env: { ...process.env, PORT: "0", NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let status: number | string | undefined;
  const exited = new Promise<void>((resolve) => {
    child.on("exit", (code, signal) => {
      status = code ?? signal ?? "?";
      resolve();
    });
  });
  s.atEnd(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const lineThat = (what: string, pattern: RegExp): Promise<RegExpExecArray> =>
    until(
      `${path} prints ${what}`,
      () => {
        if (status !== undefined) throw new Error(`${path} ended with ${status}:\n${lines.join("\n")}`);
        return lines.map((line) => pattern.exec(line)).find((found) => found !== null) ?? undefined;
      },
      START_DEADLINE_MS,
    );
  const port = Number((await lineThat("its port", /^port (\d+)$/))[1]);
  return {
    port,
    terminate: async () => {
      child.kill("SIGTERM");
      await s.gone(`state listen and sport = :${port}`);
    },
    ended: async () => {
      await until(`${path} ends by itself`, () => status !== undefined, END_DEADLINE_MS);
      const told = lines.find((line) => line.startsWith("{"));
      if (told === undefined || status === undefined) throw new Error(`${path} told no report: ${lines.join("\n")}`);
      return { status, report: JSON.parse(told) as DrainReport };
    },
  };
}

const START_DEADLINE_MS = 20_000;
/** More than the graceMs of the examples, so that one which only ends by it is told from one that hangs. */
const END_DEADLINE_MS = 15_000;

/** `next build`, 6 s, unless what it left is newer than its sources. */
export function buildNext(): void {
  const folder = join(EXAMPLES, "next");
  const built = statSync(join(folder, ".next/BUILD_ID"), { throwIfNoEntry: false });
  const sources = [
    "next.config.mjs",
    ...readdirSync(join(folder, "pages"), { recursive: true, encoding: "utf8" }).map((page) => join("pages", page)),
  ];
  if (built && sources.every((path) => statSync(join(folder, path)).mtimeMs < built.mtimeMs)) return;
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [join(INSTALLED, "next/dist/bin/next"), "build"],
    { cwd: folder, encoding: "utf8", env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" } },
  );
  if (status !== 0) throw new Error(`next build: ${error?.message ?? `${stdout}${stderr}`}`);
}

/** `npm ci` takes it away again. */
function linkPackage(): void {
  const link = join(INSTALLED, "portmortem");
  if (existsSync(link)) return;
  mkdirSync(INSTALLED, { recursive: true });
  try {
    symlinkSync("../..", link, "dir");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
