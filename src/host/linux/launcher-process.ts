/** The keeper's side of a launcher (launcher.ts): it is started, found ready, sent through the gate; then it is the program. */
import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import type { CannotKeep, ProgramEnd, ProgramOptions, StartedProgram } from "../keeping.ts";
import { CONTROL_FD, LAUNCHER_WORD, decodeFrame, encodeFrame } from "./launcher-messages.ts";
import type { FromLauncher, LaunchOrder } from "./launcher-messages.ts";

export type Ready = Extract<FromLauncher, { kind: "ready" }>;

export interface LauncherOptions {
  readonly program: Pick<ProgramOptions, "cwd" | "stdio">;
  /** What it gets beside stdio and the way to us. */
  readonly fds: readonly number[];
}

export class LauncherProcess {
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  readonly ended: Promise<ProgramEnd>;
  #bytes = Buffer.alloc(0);
  /** Settles with the next message, or with undefined when nothing will come any more. */
  #next: ((message: FromLauncher | undefined) => void) | undefined;
  readonly #messages: FromLauncher[] = [];
  #closed = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#control = child.stdio[CONTROL_FD] as Duplex;
    this.ended = new Promise((resolve) => {
      child.on("exit", (status, signal) => resolve(signal === null ? { status: status ?? 0 } : { signal }));
    });
    this.#control.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#control.on("error", () => undefined); // and then "close"
    this.#control.on("close", () => this.#finish());
    this.#control.on("end", () => this.#finish());
  }

  static async start(options: LauncherOptions): Promise<LauncherProcess | CannotKeep> {
    const { program, fds } = options;
    const stdio = typeof program.stdio === "object" ? [...program.stdio] : Array(3).fill(program.stdio ?? "inherit");
    const child = spawn(process.execPath, launcherScript(import.meta.url), {
      stdio: [...(stdio as ("inherit" | "ignore" | number)[]), "pipe", ...fds] satisfies StdioOptions,
      env: launcherEnvironment(),
      ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    });
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      child.once("spawn", () => resolve(undefined));
      child.on("error", resolve); // later ones are of kill(), which answers for itself
    });
    return failure === undefined ? new LauncherProcess(child) : { step: "spawn", errno: failure.code ?? "EIO" };
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async ready(): Promise<Ready | CannotKeep> {
    const message = await this.#message();
    if (message?.kind === "ready") return message;
    if (message?.kind === "unable") return { step: message.step, errno: message.errno };
    return { step: `the launcher (${process.execPath}) ended`, errno: "ECHILD" };
  }

  /** Through the gate. The program has what `order` says, or the launcher has ended. */
  async go(order: LaunchOrder): Promise<StartedProgram | { readonly errno: string; readonly path: string }> {
    this.#control.write(encodeFrame(order));
    const message = await this.#message();
    this.#control.destroy();
    if (message?.kind === "failed")
      return { errno: message.errno, path: Buffer.from(message.path, "latin1").toString() };
    return { pid: this.pid, ended: this.ended, signal: (name) => this.#child.kill(name) };
  }

  discard(): void {
    this.#control.destroy();
    this.#child.kill("SIGKILL");
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (let frame = decodeFrame(this.#bytes); frame !== undefined; frame = decodeFrame(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(frame.length);
      this.#messages.push(frame.message as FromLauncher);
    }
    this.#settle();
  }

  #finish(): void {
    this.#closed = true;
    this.#settle();
  }

  #message(): Promise<FromLauncher | undefined> {
    return new Promise((resolve) => {
      this.#next = resolve;
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#next === undefined || (this.#messages.length === 0 && !this.#closed)) return;
    const next = this.#next;
    this.#next = undefined;
    next(this.#messages.shift());
  }
}

/** Beside this file; in the command line everything is one script. */
function launcherScript(self: string): string[] {
  if (!self.startsWith("file:")) return [self, LAUNCHER_WORD];
  const extension = self.endsWith(".ts") ? ".ts" : ".js";
  return [decodeURIComponent(new URL(`./launcher-main${extension}`, self).pathname)];
}

/** What is meant for the program's Node must not change the launcher's: NODE_OPTIONS=--inspect would have it listen. */
function launcherEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_")));
}

/** As a shell tells it: the exit status, or 128 and the signal's number. */
export function shellStatus(end: ProgramEnd): number {
  return "status" in end ? end.status : 128 + constants.signals[end.signal];
}
