/** `portmortem run --json -- PROGRAM` at work: its events, what its program reads and prints, its end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { KeepNews } from "../../src/keep/keep-news.ts";
import { descendants } from "../../src/host/linux/descendants.ts";
import { RequestLoad } from "./request-load.ts";
import { hasEnded, isAlive } from "./started-command.ts";
import { CLI } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** Of the news, those that can be of this kind. */
export type News<K extends KeepNews["kind"]> = KeepNews extends infer One
  ? One extends { readonly kind: infer Kinds }
    ? K extends Kinds
      ? One
      : never
    : never
  : never;

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** As this user, without any capability. */
  readonly uid?: number;
  readonly cwd?: string;
  /** The words of a command that is to run it. */
  readonly under?: readonly string[];
  /** Another copy of the command. */
  readonly cli?: string;
  /** Without it what is said is JSON. */
  readonly asText?: boolean;
}

/** By user. */
const runsFolders = new Map<number, string>();
process.once("exit", () => {
  for (const folder of runsFolders.values()) rmSync(folder, { recursive: true, force: true });
});

/** Where the runs of this test are written down: not among those of whoever runs the tests. */
function runsFolder(uid = process.getuid?.() ?? 0): string {
  const known = runsFolders.get(uid);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  if (uid !== process.getuid?.()) chownSync(folder, uid, uid);
  runsFolders.set(uid, folder);
  return folder;
}

export class RunCommand {
  readonly #child: ChildProcess;
  readonly news: KeepNews[] = [];
  /** What the program printed. */
  readonly output: string[] = [];
  /** Lines on stderr that are no events. */
  readonly warned: string[] = [];
  /** Its exit status; undefined: a signal ended it. */
  readonly ended: Promise<number | undefined>;

  constructor(words: readonly string[], options: RunOptions = {}) {
    const { env, uid, cwd, under = [], cli = CLI, asText = false } = options;
    const [program = "", ...rest] = [...under, process.execPath, cli, "run", ...(asText ? [] : ["--json"]), ...words];
    this.#child = spawn(program, rest, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", PORTMORTEM_RUN_DIR: runsFolder(uid), ...env },
      ...(uid === undefined ? {} : { uid, gid: uid, cwd: "/" }),
      ...(cwd === undefined ? {} : { cwd }),
    });
    const { stdin, stdout, stderr } = this.#child;
    stdin?.on("error", () => undefined);
    this.ended = new Promise((resolve) => this.#child.on("close", (status) => resolve(status ?? undefined)));
    createInterface({ input: stdout as Readable }).on("line", (line) => this.output.push(line));
    createInterface({ input: stderr as Readable }).on("line", (line) => this.#hear(line));
  }

  /** The command's own. */
  get pid(): number {
    assert.ok(this.#child.pid !== undefined, "the command was started");
    return this.#child.pid;
  }

  /** The program's, as last started. Throws before the first start: no number may stand for "none" that kill(2) takes for "all". */
  get programPid(): number {
    const last = this.all("started").at(-1);
    assert.ok(last !== undefined && last.pid > 1, "the program was started");
    return last.pid;
  }

  all<K extends KeepNews["kind"]>(kind: K): readonly News<K>[] {
    return this.news.filter((one) => one.kind === kind) as unknown as readonly News<K>[];
  }

  /** The so many-th of this kind, from 1. */
  told<K extends KeepNews["kind"]>(kind: K, nth = 1): Promise<News<K>> {
    return until(`${kind} number ${nth}`, () => this.all(kind)[nth - 1]).catch((error: Error) => {
      throw new Error(`${error.message}; ${this.#saidSoFar()}`);
    });
  }

  #saidSoFar(): string {
    return `told: ${JSON.stringify(this.news)}; said: ${this.warned.join("\n")}`;
  }

  /** The so many-th line that the program printed, over all its lives. */
  printed(nth: number): Promise<string> {
    return until(`line ${nth} of the program`, () => this.output[nth - 1]).catch((error: Error) => {
      throw new Error(`${error.message}; printed: ${this.output.join("|")}; ${this.#saidSoFar()}`);
    });
  }

  /** A line on stderr, of the command's own or of the program's. */
  said(pattern: RegExp): Promise<string> {
    return until(`${pattern} on stderr`, () => this.warned.find((line) => pattern.test(line))).catch((error: Error) => {
      throw new Error(`${error.message}; said:\n${this.warned.join("\n")}`);
    });
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** To the command. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** SIGKILL to the program. */
  kill(): void {
    process.kill(this.programPid, "SIGKILL");
  }

  /** SIGKILL to the program; settles when its next life has begun. */
  async crash(): Promise<void> {
    await this.told("started");
    const lives = this.all("started").length;
    this.kill();
    await this.told("started", lives + 1);
  }

  /** SIGTERM; answers the exit status, when nothing is left of it. */
  async stop(): Promise<number | undefined> {
    const left = descendants(this.pid);
    this.signal("SIGTERM");
    const status = await this.ended;
    for (const pid of left) await hasEnded(pid);
    return status;
  }

  /** Whatever is left of it is killed. */
  async end(): Promise<void> {
    const before = descendants(this.pid);
    this.signal("SIGTERM");
    const late = setTimeout(() => this.#killAll(before), 3000);
    await this.ended;
    clearTimeout(late);
    this.#killAll(before);
  }

  #killAll(before: readonly number[]): void {
    const left = [...before, ...descendants(this.pid), ...this.all("started").map(({ pid }) => pid)];
    this.signal("SIGKILL");
    for (const pid of left) if (isAlive(pid)) tryKill(pid);
  }

  #hear(line: string): void {
    if (!line.startsWith('{"schema":"portmortem.run/')) return void this.warned.push(line);
    const { schema, event, ...rest } = JSON.parse(line) as { schema: string; event: string };
    assert.equal(schema, "portmortem.run/1");
    this.news.push({ kind: event, ...rest } as unknown as KeepNews);
    return undefined;
  }
}

/** `portmortem run …words`; ended when the test is over. */
export function startRun(s: Story, words: readonly string[], options: RunOptions = {}): RunCommand {
  const run = new RunCommand(words, options);
  s.atEnd(() => run.end());
  return run;
}

/** Clients as in RequestLoad; stopped when the test is over. */
export function startLoad(s: Story, port: number, clients = 1, request?: string): RequestLoad {
  const load = new RequestLoad(port, clients, request);
  s.atEnd(() => load.stop());
  return load;
}

function tryKill(pid: number): void {
  assert.ok(pid > 1);
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
