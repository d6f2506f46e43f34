/**
 * Keeping where calls that Node cannot make cannot be made (the native part is missing): programs are started as Node starts children, and
 * nothing of them is held.
 */
import { spawn } from "node:child_process";
import type {
  CannotKeep,
  HostKeeping,
  PreparedProgram,
  ProgramEnd,
  ProgramOptions,
  StartedProgram,
} from "../keeping.ts";
import { programMentions } from "./program-mentions.ts";

export class SpawnKeeping implements HostKeeping {
  readonly #why: string;

  /** `why` calls cannot be made. */
  constructor(why: string) {
    this.#why = why;
  }

  async prepare(program: ProgramOptions): Promise<PreparedProgram | CannotKeep> {
    if (program.calls !== undefined || (program.passed ?? []).length > 0) return { step: this.#why, errno: "ENOSYS" };
    let settle: (end: ProgramEnd) => void = () => undefined;
    const ended = new Promise<ProgramEnd>((resolve) => (settle = resolve));
    return {
      pid: -1,
      noNewPrivs: false,
      ended,
      start: () => start(program, settle),
      discard: () => settle({ status: 0 }),
    };
  }

  bindListener(): CannotKeep {
    return { step: this.#why, errno: "ENOSYS" };
  }

  mentions(program: ProgramOptions, words: readonly string[]): boolean {
    return programMentions(program, words);
  }

  holds(): undefined {
    return undefined;
  }

  findHolder(): undefined {
    return undefined;
  }

  signalRemains(): number {
    return 0;
  }

  follow(): undefined {
    return undefined;
  }

  close(): void {}
}

async function start(
  { command, args, argv0, cwd, env, stdio = "inherit" }: ProgramOptions,
  settle: (end: ProgramEnd) => void,
): Promise<StartedProgram | { readonly errno: string; readonly path: string }> {
  const child = spawn(command, args, {
    stdio: typeof stdio === "string" ? stdio : [...stdio],
    ...(argv0 === undefined ? {} : { argv0 }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  });
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    child.once("spawn", () => resolve(undefined));
    child.on("error", resolve);
  });
  if (failure !== undefined) return { errno: failure.code ?? "EIO", path: command };
  const ended = new Promise<ProgramEnd>((resolve) => {
    child.on("exit", (status, signal) => {
      const end = signal === null ? { status: status ?? 0 } : { signal };
      resolve(end);
      settle(end);
    });
  });
  return { pid: child.pid ?? -1, startedTicks: 0, bits: undefined, ended, signal: (name) => child.kill(name) };
}
