// The built command as a child process: what a user or a script gets.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../house/repository.ts";

export const CLI = join(root, "dist/cli.cjs");
/** Nothing that portmortem is asked here may take longer. */
export const DEADLINE_MS = 30_000;

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly cli?: string;
}

/** Runs `portmortem ARGS`; fails if it hangs or ends by a signal. */
export function portmortem(args: readonly string[], options: RunOptions = {}): Outcome {
  return runToEnd([process.execPath, options.cli ?? CLI, ...args], options);
}

/** Runs any command in the test's clean environment; fails if it hangs or ends by a signal. */
export function runToEnd(command: readonly string[], options: RunOptions = {}): Outcome {
  const { status, signal, stdout, stderr, error } = spawnSync(command[0]!, command.slice(1), {
    cwd: options.cwd ?? root,
    encoding: "utf8",
    timeout: DEADLINE_MS,
    // unshare(1) ignores the gentler ones while it waits.
    killSignal: "SIGKILL",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...cleanEnvironment(), ...options.env },
  });
  assert.equal(error, undefined, `${command.join(" ")}: ${error?.message}`);
  assert.equal(signal, null, `${command.join(" ")} was ended by ${signal}\n${stdout}${stderr}`);
  return { status, signal, stdout, stderr };
}

/** Runs a shell script in which `portmortem` is the built command; its own exit status is not looked at. */
export function shell(script: string, options: RunOptions = {}): Outcome {
  return runToEnd(["bash", "-c", `${DEFINE}\n${script}`], options);
}

const ALONE = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const DEFINE = `portmortem() { ${quote(process.execPath)} ${quote(CLI)} "$@"; }; export -f portmortem`;

/**
 * The same in a network namespace of its own, with only the loopback interface; what it starts dies with it. The last line keeps the shell
 * from handing its place, pid 1, to the script's last command: few programs can bear that.
 */
export function shellAlone(script: string, options: RunOptions = {}): Outcome {
  return runToEnd([...ALONE, "bash", "-c", `${DEFINE}\nip link set lo up || exit 97\n${script}\nexit $?`], options);
}

/** Why a test cannot have a network namespace of its own here; false if it can. */
export function missingForNetns(): string | false {
  const { status, stderr, error } = spawnSync(ALONE[0]!, [...ALONE.slice(1), "ip", "link", "set", "lo", "up"], {
    encoding: "utf8",
  });
  return status === 0 ? false : `unshare --user --net and ip are needed: ${error?.message ?? stderr.trim()}`;
}

/** One JSON document and nothing else on stdout. */
export function jsonOf({ stdout }: Outcome): Record<string, unknown> {
  assert.ok(stdout.endsWith("\n"), `no newline at the end of ${JSON.stringify(stdout.slice(-100))}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A person must never see where in the program something went wrong, unless it is the program's own fault. */
export function assertNoTrace({ stdout, stderr }: Outcome): void {
  assert.doesNotMatch(`${stdout}${stderr}`, /^\s+at /m);
  assert.doesNotMatch(`${stdout}${stderr}`, /node:internal|defect of portmortem/);
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Without the variables that change what is printed, or how Node starts. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of [
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "NODE_OPTIONS",
    "NODE_V8_COVERAGE",
    "NODE_TEST_CONTEXT",
    "PORTMORTEM_NO_FFI",
  ])
    delete env[name];
  return { ...env, TERM: "xterm", LC_ALL: "C.UTF-8" };
}
