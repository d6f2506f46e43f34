/**
 * Processes that hold a port and may have to end for it: shells that have inherited the sockets, since so many are started and killed. The
 * first descriptors are what holds the port, the others connections.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../../src/act/sleep.ts";
import type { Conduct } from "./scene.ts";
import { isStopped, nameOf, startOf } from "./process-life.ts";

const FIRST_FD = 3;
/** Shells name descriptors by one digit, and 9 is taken. */
const MOST_FDS = 6;
const DEADLINE_MS = 5000;
const SLOW_SECONDS = 0.04;

/** The shell reads a pipe in which nothing ever comes: its end is the end of the test. */
const LIVE = "while :; do read -r x <&9; [ $? = 1 ] && exit; done";

function scriptOf(conduct: Conduct, count: number): string {
  const fds = Array.from({ length: count }, (_, index) => FIRST_FD + index);
  const close = (list: readonly number[]): string => list.map((fd) => `${fd}<&-`).join(" ");
  const holder = FIRST_FD;
  const connection = fds[1];
  const up = 'exec 9<&0; echo "$0 up $$"';
  switch (conduct) {
    case "deaf":
      return `trap "" TERM; ${up}; ${LIVE}`;
    case "slow":
      return `trap "sleep ${SLOW_SECONDS} ${close(fds)}; exit" TERM; ${up}; ${LIVE}`;
    case "drains": {
      const on = connection === undefined ? `exec ${close([holder])}` : echo(connection, fds, close);
      return `trap "${on}" TERM; ${up}; ${LIVE}`;
    }
    case "forked":
      return `exec 9<&0; (${LIVE}) & echo "$0 child $!"; echo "$0 up $$"; ${LIVE}`;
    case "heir":
      return `trap '(${LIVE}) & echo "$0 child $!"; exit' TERM; ${up}; ${LIVE}`;
    case "parent": {
      if (connection === undefined) return `${up}; ${LIVE}`;
      const others = close(fds.filter((fd) => fd !== connection));
      const child = `(exec ${others}; echo "$0 ready 0"; exec cat <&${connection} >&${connection})`;
      return `exec 9<&0; ${child} & echo "$0 child $!"; exec ${close([connection])}; echo "$0 up $$"; ${LIVE}`;
    }
    default:
      return `${up}; ${LIVE}`;
  }
}

/** Goes on as a server of that one connection. */
function echo(connection: number, fds: readonly number[], close: (list: readonly number[]) => string): string {
  return `exec cat <&${connection} >&${connection} ${close(fds.filter((fd) => fd !== connection))}`;
}

export interface OwnedProcess {
  readonly pid: number;
  readonly startTicks: number;
}

export class Owner {
  readonly conduct: Conduct;
  readonly processes: OwnedProcess[] = [];
  /** Whoever is at the other end of its first connection gets its words back: always, or once it drains. */
  readonly echoes: "always" | "drained" | undefined;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  #missing: number;

  constructor(conduct: Conduct, child: ChildProcess, connections: number) {
    this.conduct = conduct;
    this.#child = child;
    this.#gone = new Promise((resolve) => child.on("exit", resolve).on("error", resolve));
    const echo = connections > 0 ? ({ parent: "always", drains: "drained" } as const) : {};
    this.echoes = conduct in echo ? echo[conduct as keyof typeof echo] : undefined;
    this.#missing = conduct === "forked" ? 2 : conduct === "parent" && connections > 0 ? 3 : 1;
  }

  get isUp(): boolean {
    return this.#missing <= 0;
  }

  /** It has become what gives everything back. */
  isDraining(): boolean {
    return this.conduct === "drains" && nameOf(this.#child.pid ?? -1) === "cat";
  }

  hear(word: string, pid: number): void {
    this.#missing--;
    const startTicks = startOf(pid);
    if (word !== "ready" && startTicks !== undefined) this.processes.push({ pid, startTicks });
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGSTOP");
    for (const from = Date.now(); !isStopped(this.#child.pid ?? -1);) {
      if (Date.now() - from > DEADLINE_MS) throw new Error("an owner does not stop");
      await sleep(1);
    }
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    for (const { pid, startTicks } of this.processes)
      if (pid !== this.#child.pid && startOf(pid) === startTicks) process.kill(pid, "SIGKILL");
    await this.#gone;
  }
}

/** Starts owners and hears when they are ready. */
export class Owners {
  readonly #folder = mkdtempSync(join(tmpdir(), "portmortem-owners-"));
  /** Its end, with this program, ends all of them. */
  readonly #life: readonly [read: number, write: number];
  readonly #news: readonly [read: number, write: number];
  readonly #byKey = new Map<string, Owner>();
  #text = "";
  #next = 0;

  constructor() {
    const pipe = (name: string): readonly [number, number] => {
      const path = join(this.#folder, name);
      const { status, error, stderr } = spawnSync("mkfifo", [path], { encoding: "utf8" });
      if (status !== 0) throw new Error(`mkfifo: ${error?.message ?? stderr}`);
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return [reader, openSync(path, constants.O_WRONLY)];
    };
    this.#news = pipe("news");
    const [first, write] = pipe("life");
    // Opened again without O_NONBLOCK: a shell that reads must sleep.
    this.#life = [openSync(join(this.#folder, "life"), constants.O_RDONLY), write];
    closeSync(first);
  }

  start(conduct: Conduct, uid: number, holders: readonly number[], connections: readonly number[]): Owner {
    const fds = [...holders, ...connections].slice(0, MOST_FDS);
    const key = `o${this.#next++}`;
    const child = spawn("/bin/sh", ["-c", scriptOf(conduct, fds.length), key], {
      stdio: [this.#life[0], this.#news[1], "ignore", ...fds],
      ...(uid === 0 ? {} : { uid, gid: uid, cwd: "/" }),
    });
    const owner = new Owner(conduct, child, fds.length - holders.length);
    this.#byKey.set(key, owner);
    return owner;
  }

  async ready(owners: readonly Owner[]): Promise<void> {
    for (const from = Date.now(); ;) {
      this.listen();
      const waiting = owners.find(({ isUp }) => !isUp);
      if (waiting === undefined) break;
      if (Date.now() - from > DEADLINE_MS) throw new Error(`an owner (${waiting.conduct}) does not get ready`);
      await sleep(1);
    }
    for (const owner of owners) if (owner.conduct === "stopped") await owner.stop();
  }

  /** Hears also of children that were left behind. */
  listen(): void {
    const bytes = Buffer.alloc(65_536);
    try {
      this.#text += bytes.toString("latin1", 0, readSync(this.#news[0], bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
    const lines = this.#text.split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      const [key = "", word = "", pid = ""] = line.split(" ");
      this.#byKey.get(key)?.hear(word, Number(pid));
    }
  }

  close(): void {
    for (const fd of [...this.#life, ...this.#news]) closeSync(fd);
    rmSync(this.#folder, { recursive: true });
  }
}
