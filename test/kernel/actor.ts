/** The test's end of a socket actor (test/programs/socket-actor.ts), and of other programs that are told what to do by lines on stdin. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ActorCalls } from "../programs/socket-actor.ts";

const PROGRAMS = join(import.meta.dirname, "../programs");
const DEADLINE_MS = 30_000;

export interface ProgramOptions {
  readonly argv0?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
  /** The words of a command that starts it. */
  readonly under?: readonly string[];
  /** The name is that of a program that runs by itself. */
  readonly compiled?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/** A program of test/programs/ as a child process; lines in, lines out. */
export class Program {
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  readonly #gone: Promise<void>;
  #ended = false;

  constructor(
    name: string,
    args: readonly string[] = [],
    { compiled = false, under = [], ...options }: ProgramOptions = {},
  ) {
    const script = name.startsWith("/") ? name : join(PROGRAMS, `${name}.js`);
    const [command, ...words] = [...under, ...(compiled ? [name] : [process.execPath, script]), ...args];
    this.#child = spawn(command!, words, {
      stdio: ["pipe", "pipe", "inherit"],
      ...options,
    });
    this.pid = this.#child.pid ?? -1;
    this.#child.stdin.on("error", () => undefined);
    this.#gone = new Promise((resolve) => {
      this.#child.on("error", () => resolve());
      this.#child.on("exit", () => resolve());
    });
    const lines = createInterface({ input: this.#child.stdout });
    lines.on("line", (line) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#lines.push(line);
      else waiting(line);
    });
    lines.on("close", () => {
      this.#ended = true;
      for (const waiting of this.#waiting.splice(0)) waiting(undefined);
    });
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** The next line that the program prints. */
  async line(): Promise<string> {
    const line = this.#lines.shift() ?? (this.#ended ? undefined : await this.#nextLine());
    if (line === undefined) throw new Error(`pid ${this.pid} ended, and a line of it was waited for`);
    return line;
  }

  #nextLine(): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`pid ${this.pid} printed nothing in ${DEADLINE_MS} ms`)),
        DEADLINE_MS,
      );
      this.#waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** kill -9, and it is reaped when this returns: the kernel has closed all that it held. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#gone;
  }
}

/** Options of a new socket; what is left out is not set. */
export type SocketOptions = Omit<Parameters<ActorCalls["socket"]>[0], "family">;

export class Actor extends Program {
  #id = 0;

  /** `program`: the same script under another path. */
  constructor(program = "socket-actor", options: ProgramOptions = {}) {
    super(program, [], options);
  }

  /** Throws when the call failed. */
  async call<K extends keyof ActorCalls>(
    call: K,
    of: Parameters<ActorCalls[K]>[0],
  ): Promise<ReturnType<ActorCalls[K]>> {
    const answer = await this.try(call, of);
    if ("errno" in answer) throw new Error(`${call} ${JSON.stringify(of)}: ${answer.errno}`);
    return answer.value;
  }

  async try<K extends keyof ActorCalls>(
    call: K,
    of: Parameters<ActorCalls[K]>[0],
  ): Promise<{ readonly value: ReturnType<ActorCalls[K]> } | { readonly errno: string }> {
    const id = ++this.#id;
    this.say(JSON.stringify({ id, call, ...of }));
    const answer = JSON.parse(await this.line()) as { id: number; value: ReturnType<ActorCalls[K]> };
    assert.equal(answer.id, id);
    return answer;
  }

  async bound(to: string, options: SocketOptions = {}): Promise<number> {
    const fd = await this.call("socket", { family: familyOf(to), ...options });
    await this.call("bind", { fd, to });
    return fd;
  }

  async listen(to: string, options: SocketOptions & { readonly backlog?: number } = {}): Promise<number> {
    const { backlog, ...rest } = options;
    const fd = await this.bound(to, rest);
    await this.call("listen", { fd, backlog: backlog ?? 16 });
    return fd;
  }

  /** `from` binds first; without it the kernel takes a port. */
  async connect(to: string, options: SocketOptions & { readonly from?: string } = {}): Promise<number> {
    const { from, ...rest } = options;
    const fd = await this.call("socket", { family: familyOf(to), ...rest });
    if (from !== undefined) await this.call("bind", { fd, to: from });
    const answer = await this.try("connect", { fd, to });
    if ("errno" in answer && !(rest.nonBlocking === true && answer.errno === "EINPROGRESS"))
      throw new Error(`connect to ${to}: ${answer.errno}`);
    return fd;
  }

  accept(fd: number): Promise<number> {
    return this.call("accept", { fd });
  }

  close(fd: number): Promise<number> {
    return this.call("close", { fd });
  }
}

function familyOf(endpoint: string): "ipv4" | "ipv6" {
  return endpoint.startsWith("[") ? "ipv6" : "ipv4";
}
