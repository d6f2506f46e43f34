/** A test on the real kernel: its own network namespace, real processes in it, and the built command as another one. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { listSockets } from "../../src/ask/list-sockets.ts";
import { InsideNetns } from "../../src/host/linux/inside-netns.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import type { Why } from "../../src/verdict/why.ts";
import type { Socket } from "../../src/tcp/socket.ts";
import type { DoctorReport } from "../../src/ask/doctor.ts";
import { Actor, Program } from "./actor.ts";
import type { ProgramOptions } from "./actor.ts";
import { argumentsOf, askHere, isAskedHere, underFiles } from "./ask-doctor.ts";
import type { DoctorQuestion } from "./ask-doctor.ts";
import { enterOwnNamespace, whyNoNamespace } from "./namespace.ts";
import type { Need } from "./needs.ts";
import { until } from "./until.ts";

export const ROOT = findRoot(import.meta.dirname);
/** The built command, wherever this file was compiled to. */
export const CLI = join(ROOT, "dist/cli.cjs");

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}

export interface Answer<T> {
  readonly status: number | null;
  readonly json: T;
  readonly text: string;
  readonly warnings: string;
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** As this user, without any capability. */
  readonly uid?: number;
  /** Another copy of the command. */
  readonly cli?: string;
  /** The words of a command that is to run it. */
  readonly under?: readonly string[];
}

export class Story {
  readonly #ends: (() => unknown)[] = [];
  readonly #namespace: { leave(): void };

  constructor() {
    const namespace = enterOwnNamespace();
    if ("errno" in namespace) throw new Error(`unshare(CLONE_NEWNET): ${namespace.errno}`);
    this.#namespace = namespace;
    keepTimeWaits();
  }

  /** A process that makes the calls it is told to. */
  actor(options: ProgramOptions = {}): Actor {
    return this.#kept(new Actor("socket-actor", options));
  }

  /** A process in a network namespace of its own, which nothing but the process holds. */
  actorElsewhere(): Actor {
    const other = enterOwnNamespace();
    if ("errno" in other) throw new Error(`unshare(CLONE_NEWNET): ${other.errno}`);
    try {
      return this.actor();
    } finally {
      other.leave();
    }
  }

  /** A process in the network namespace behind a path. */
  actorIn(path: string): Actor {
    const loaded = loadLibc();
    if ("why" in loaded) throw new Error(loaded.why);
    const inside = InsideNetns.try(loaded.libc, path);
    if ("errno" in inside) throw new Error(`setns to ${path}: ${inside.errno}`);
    return inside.run(() => this.actor());
  }

  program(name: string, args: readonly string[] = [], options: ProgramOptions = {}): Program {
    return this.#kept(new Program(name, args, options));
  }

  /** A program in C of test/programs/: what Node cannot do, as to fork. Needs `C_COMPILER` of needs.ts. */
  compiled(name: string, args: readonly string[] = []): Program {
    return this.#kept(new Program(this.compile(name), args, { compiled: true }));
  }

  /** Any other command, with lines in and lines out. */
  child(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    return this.#kept(new Program(command, args, { compiled: true, env: { ...process.env, ...env } }));
  }

  /** Answers where the program is. */
  compile(name: string): string {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-c-"));
    this.atEnd(() => rmSync(folder, { recursive: true }));
    const file = join(folder, name);
    this.system("cc", "-Wall", "-Werror", "-O1", "-o", file, join(ROOT, "test/programs", `${name}.c`));
    return file;
  }

  /** A client of another user, started as that user. Prints a line when it is connected, then how its connection ended. */
  guest(to: string, uid: number): Program {
    return this.#kept(new Program("guest", [to], { uid, gid: uid, cwd: "/" }));
  }

  #kept<T extends Program>(program: T): T {
    this.atEnd(() => program.kill());
    return program;
  }

  /** What is done when the test is over, last first. */
  atEnd(work: () => unknown): void {
    this.#ends.push(work);
  }

  async end(): Promise<void> {
    try {
      for (const work of this.#ends.reverse()) await work();
    } finally {
      this.#namespace.leave();
    }
  }

  /** `portmortem why … --json` in a process of its own. */
  why(args: string, options: CommandOptions = {}): Promise<Answer<Why & { readonly schema: string }>> {
    return this.command(["why", ...args.split(" "), "--json"], options);
  }

  /** `portmortem doctor … --json`; with a `fixture` it can be recorded (ask-doctor.ts says how). */
  async doctor(question: DoctorQuestion = {}): Promise<Answer<DoctorReport>> {
    if (!isAskedHere(question)) {
      const { uid, sysctlFiles } = question;
      const files = sysctlFiles === undefined ? undefined : underFiles(sysctlFiles);
      if (files !== undefined) this.atEnd(() => rmSync(files.root, { recursive: true }));
      return this.command<DoctorReport>(argumentsOf(question), {
        ...(uid === undefined ? {} : { uid }),
        ...(files === undefined ? {} : { under: files.words }),
      });
    }
    const json = await askHere(question, ROOT);
    return { status: json.findings.some(({ level }) => level !== "info") ? 1 : 0, json, text: "", warnings: "" };
  }

  /**
   * An actor on another machine, so to say: in a namespace of its own, at the other end of a cable. After `cut` nothing comes back from it,
   * without a word to this side: a device that is taken down would give one, the kernel here would not even send. Needs `IP` of needs.ts.
   */
  actorAcross(): { readonly actor: Actor; readonly here: string; readonly there: string; readonly cut: () => void } {
    const actor = this.actorElsewhere();
    const across = (...args: string[]): string =>
      this.system("nsenter", `--net=/proc/${actor.pid}/ns/net`, "ip", ...args);
    this.system("ip", "link", "add", "pm0", "type", "veth", "peer", "name", "pm1", "netns", String(actor.pid));
    this.system("ip", "address", "add", "10.77.0.1/24", "dev", "pm0");
    this.system("ip", "link", "set", "pm0", "up");
    across("address", "add", "10.77.0.2/24", "dev", "pm1");
    across("link", "set", "pm1", "up");
    return {
      actor,
      here: "10.77.0.1",
      there: "10.77.0.2",
      cut: () => void across("route", "add", "blackhole", "10.77.0.1/32"),
    };
  }

  async command<T = unknown>(args: readonly string[], options: CommandOptions = {}): Promise<Answer<T>> {
    const { status, stdout, stderr } = await runCommand(options.cli ?? CLI, args, options);
    let json: T = undefined as T;
    if (args.includes("--json")) {
      try {
        json = JSON.parse(stdout) as T;
      } catch {
        throw new Error(`portmortem ${args.join(" ")} (exit ${status}) printed no JSON:\n${stdout}${stderr}`);
      }
    }
    return { status, json, text: stdout, warnings: stderr };
  }

  async sockets(filter: string): Promise<readonly Socket[]> {
    return (await listSockets({ filter, owners: false })).sockets;
  }

  async udpSockets(): Promise<readonly Socket[]> {
    return (await listSockets({ udp: true, owners: false })).sockets.filter(({ protocol }) => protocol === "udp");
  }

  /** Waits until so many match: a FIN is on its way for a moment, on loopback too. */
  async count(filter: string, wanted: number): Promise<void> {
    let found: number | undefined;
    const look = async (): Promise<boolean> => (found = (await this.sockets(filter)).length) === wanted;
    await until(`${wanted} sockets: ${filter}`, look).catch((error: unknown) => {
      throw new Error(`there are ${found}`, { cause: error });
    });
  }

  /** Waits until exactly one socket matches. */
  socket(filter: string): Promise<Socket> {
    return until(`one socket: ${filter}`, async () => {
      const found = await this.sockets(filter);
      return found.length === 1 ? found[0] : undefined;
    });
  }

  gone(filter: string): Promise<true> {
    return until(`no socket any more: ${filter}`, async () => (await this.sockets(filter)).length === 0);
  }

  /** A command of the system, to set the stage; throws what it said when it failed. */
  system(command: string, ...args: string[]): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
    return stdout;
  }
}

function runCommand(
  cli: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const { uid, under = [] } = options;
  const [program, ...words] = [...under, process.execPath, cli, ...args];
  const child = spawn(program!, words, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    ...(uid === undefined ? {} : { uid, gid: uid, cwd: "/" }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(late);
      resolve({ status, stdout, stderr });
    });
  });
}

/**
 * Segments pass each other on a busy machine, on loopback too: one that comes to an end that is gone is answered by a reset, which ends the TIME-WAIT
 * of the other end, unless tcp_rfc1337 is set (docs/kernel/closing.md). The stories count them.
 */
function keepTimeWaits(): void {
  writeFileSync("/proc/sys/net/ipv4/tcp_rfc1337", "1");
}

/** The body of a test: `test("title", story(async (s) => …))`. Skips, with what was probed, where something is missing. */
export function story(
  body: (story: Story) => Promise<void>,
  ...needs: Need[]
): (context: TestContext) => Promise<void> {
  return async (context) => {
    const missing = whyNoNamespace() ?? needs.map((need) => need()).find((why) => why !== undefined);
    if (missing !== undefined) {
      context.skip(missing);
      return;
    }
    const own = new Story();
    try {
      await body(own);
    } finally {
      await own.end();
    }
  };
}

// Before any test is announced: this may run the whole file again, elsewhere.
whyNoNamespace();
