/** The keeper's side of a launcher (launcher.ts): it is started, found ready, sent through the gate; then it is the program. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { CannotKeep, ProgramEnd, ProgramOptions, StartedProgram } from "../keeping.ts";
import { elfBits } from "./elf-bits.ts";
import { LauncherControl } from "./launcher-control.ts";
import { LAUNCHER_WORD, UNFILTERED } from "./launcher-messages.ts";
import type { FromLauncher, LaunchOrder } from "./launcher-messages.ts";
import type { Native } from "./libc.ts";
import type { NotifyLoop } from "./notify-loop.ts";
import { readText } from "./read-file.ts";

/** In the place of a path: it was killed while it waited. */
const LAUNCHER_GONE = "the launcher that stood ready";

export type Ready = Extract<FromLauncher, { kind: "ready" }>;

export interface LauncherOptions {
  readonly native: Native;
  readonly loop: NotifyLoop;
  readonly program: Pick<ProgramOptions, "cwd" | "stdio">;
  readonly filtered: boolean;
  /** What it gets beside stdio and the way to us, from descriptor 4 on. */
  readonly fds: readonly number[];
}

export class LauncherProcess {
  readonly #child: ChildProcess;
  readonly #control: LauncherControl;
  readonly ended: Promise<ProgramEnd>;

  private constructor(child: ChildProcess, control: LauncherControl) {
    this.#child = child;
    this.#control = control;
    this.ended = new Promise((resolve) => {
      child.on("exit", (status, signal) => {
        // Its end can be heard before its last word.
        control.finish();
        resolve(signal === null ? { status: status ?? 0 } : { signal });
      });
    });
  }

  static async start(options: LauncherOptions): Promise<LauncherProcess | CannotKeep> {
    const { native, loop, program, filtered, fds } = options;
    const pair = LauncherControl.pair(native, loop);
    if ("errno" in pair) return pair;
    const { stdio = "inherit" } = program;
    const refuse = ({ code }: NodeJS.ErrnoException): CannotKeep => {
      pair.ours.close();
      return { step: "spawn", errno: code ?? "EIO" };
    };
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, launcherScript(import.meta.url), {
        stdio: [...(typeof stdio === "string" ? [stdio, stdio, stdio] : stdio), pair.theirs, ...fds],
        env: launcherEnvironment(filtered),
        ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
      });
    } catch (error) {
      // Only some errors are events: ENOMEM is thrown, as is EBADF (ChildProcess.prototype.spawn in lib/internal/child_process.js).
      return refuse(error as NodeJS.ErrnoException);
    } finally {
      native.libc.close(pair.theirs);
    }
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      child.once("spawn", () => resolve(undefined));
      child.on("error", resolve); // later ones are of kill(), which answers for itself
    });
    if (failure === undefined) return new LauncherProcess(child, pair.ours);
    return refuse(failure);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async ready(): Promise<Ready | CannotKeep> {
    const message = await this.#control.message();
    if (message?.kind === "ready") return message;
    if (message?.kind === "unable") return { step: message.step, errno: message.errno };
    return { step: `the launcher (${process.execPath}) ended`, errno: "ECHILD" };
  }

  /** Through the gate. The program has what `order` says, or the launcher has ended. */
  async go(order: LaunchOrder): Promise<StartedProgram | { readonly errno: string; readonly path: string }> {
    const startedTicks = ticksAfterBoot();
    const sent = this.#control.send(order);
    const message = sent === "ok" ? await this.#control.message() : undefined;
    this.#control.close();
    if (sent !== "ok") return { errno: sent, path: LAUNCHER_GONE };
    if (message?.kind === "failed")
      return { errno: message.errno, path: Buffer.from(message.path, "latin1").toString() };
    return {
      pid: this.pid,
      startedTicks,
      ended: this.ended,
      bits: elfBits(this.pid),
      signal: (name) => this.#child.kill(name),
    };
  }

  discard(): void {
    this.#child.kill("SIGKILL");
  }
}

/** As /proc/PID/stat counts them, 100 a second. */
export function ticksAfterBoot(): number {
  return Math.floor(Number.parseFloat(readText("/proc/uptime") ?? "0") * 100);
}

/** Beside this file; in the command line everything is one script. */
function launcherScript(self: string): string[] {
  if (!self.startsWith("file:")) return [self, LAUNCHER_WORD];
  const extension = self.endsWith(".ts") ? ".ts" : ".js";
  return [decodeURIComponent(new URL(`./launcher-main${extension}`, self).pathname)];
}

/** What is meant for the program's Node must not change the launcher's: NODE_OPTIONS=--inspect would have it listen. */
function launcherEnvironment(filtered: boolean): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_"));
  return { ...Object.fromEntries(own), [UNFILTERED]: filtered ? "0" : "1" };
}
