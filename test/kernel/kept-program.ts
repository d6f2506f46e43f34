/** The test's end of a keeper in a process of its own (test/programs/keep.ts): what it tells, and what its program reads and prints. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ActorCalls } from "../programs/socket-actor.ts";
import type { KeepLine, KeepReport, KeepSettings } from "../programs/keep.ts";
import { until } from "./until.ts";

const PROGRAMS = join(import.meta.dirname, "../programs");

/** Of the lines, those that can be of this kind. */
export type Line<K extends KeepLine["kind"]> = KeepLine extends infer One
  ? One extends { readonly kind: infer Kinds }
    ? K extends Kinds
      ? One
      : never
    : never
  : never;

export interface KeptOptions extends KeepSettings {
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly cwd?: string;
  /** The program's stdin. The default, a pipe, ends with the keeper. */
  readonly input?: number;
}

export class KeptProgram {
  readonly #keeper: ChildProcess;
  readonly #input: Writable | number;
  readonly #gone: Promise<void>;
  readonly lines: KeepLine[] = [];
  /** What the program printed. */
  readonly output: string[] = [];
  #id = 0;

  constructor(options: KeptOptions, command: string, ...args: readonly string[]) {
    const { env, uid, cwd, input, ...settings } = options;
    this.#keeper = spawn(process.execPath, [join(PROGRAMS, "keep.js"), JSON.stringify(settings), command, ...args], {
      stdio: [input ?? "pipe", "pipe", "inherit", "pipe", "pipe"],
      env: { ...process.env, ...env },
      ...(uid === undefined ? {} : { uid, gid: uid }),
      ...(cwd === undefined ? {} : { cwd }),
    });
    const [stdin, stdout, , events, commands] = this.#keeper.stdio;
    this.#input = input ?? (stdin as Writable);
    stdin?.on("error", () => undefined);
    (commands as Writable).on("error", () => undefined);
    this.#gone = new Promise((resolve) => this.#keeper.on("exit", () => resolve()));
    createInterface({ input: stdout as Readable }).on("line", (line) => this.output.push(line));
    createInterface({ input: events as Readable }).on("line", (line) => this.lines.push(JSON.parse(line) as KeepLine));
  }

  /** The keeper's. */
  get pid(): number {
    return this.#keeper.pid ?? -1;
  }

  /** The program's, as last started. */
  get programPid(): number {
    const last = this.all("started").at(-1);
    // kill(2) takes -1 for every process there is.
    assert.ok(last !== undefined && last.pid > 1, "the program was started");
    return last.pid;
  }

  all<K extends KeepLine["kind"]>(kind: K): readonly Line<K>[] {
    return this.lines.filter(({ kind: found }) => found === kind) as unknown as readonly Line<K>[];
  }

  /** The so many-th line of this kind, from 1. */
  async told<K extends KeepLine["kind"]>(kind: K, nth = 1): Promise<Line<K>> {
    return until(
      `${kind} number ${nth}; there are ${JSON.stringify(this.lines)}`,
      () => this.all(kind)[nth - 1],
      20_000,
    );
  }

  say(line: string): void {
    if (typeof this.#input === "number") writeSync(this.#input, `${line}\n`);
    else this.#input.write(`${line}\n`);
  }

  command(line: "report" | "stop"): void {
    (this.#keeper.stdio[4] as Writable).write(`${line}\n`);
  }

  async report(): Promise<KeepReport> {
    const before = this.all("report").length;
    this.command("report");
    return this.told("report", before + 1);
  }

  /** The so many-th line that the program printed, over all its lives. */
  async printed(nth: number): Promise<string> {
    return until(
      `line ${nth} of the program; there are ${JSON.stringify(this.output)}`,
      () => this.output[nth - 1],
      20_000,
    );
  }

  /** A call of a socket actor that is kept: the value, or the errno. */
  async call<K extends keyof ActorCalls>(
    call: K,
    of: Parameters<ActorCalls[K]>[0],
  ): Promise<ReturnType<ActorCalls[K]> | string> {
    const id = ++this.#id;
    const nth = this.output.length + 1;
    this.say(JSON.stringify({ id, call, ...of }));
    const answer = JSON.parse(await this.printed(nth)) as {
      id: number;
      value: ReturnType<ActorCalls[K]>;
      errno?: string;
    };
    assert.equal(answer.id, id);
    return answer.errno ?? answer.value;
  }

  /** SIGKILL to the program; settles when its next life has begun. */
  async crash(): Promise<void> {
    const lives = this.all("started").length;
    process.kill(this.programPid, "SIGKILL");
    await this.told("started", lives + 1);
  }

  /** SIGKILL to the keeper alone. */
  async killKeeper(): Promise<void> {
    this.#keeper.kill("SIGKILL");
    await this.#gone;
  }

  /** The program is told to end, and the keeper after it. */
  async end(): Promise<void> {
    if (this.#keeper.exitCode === null && this.#keeper.signalCode === null) this.#keeper.kill("SIGTERM");
    const late = setTimeout(() => {
      for (const { pid } of this.all("started")) tryKill(pid);
      this.#keeper.kill("SIGKILL");
    }, 5000);
    await this.#gone;
    clearTimeout(late);
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
