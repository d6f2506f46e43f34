/** test/programs/graceful-server.ts as a child process: its events, its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type net from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { GracefulScene } from "../programs/graceful-server.ts";
import { until } from "../kernel/until.ts";

export type ChildEvent = { readonly event: string; readonly pid: number } & Readonly<Record<string, unknown>>;

const PROGRAM = join(import.meta.dirname, "../programs/graceful-server.js");

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
}

export class GracefulChild {
  readonly child: ChildProcess;
  readonly events: ChildEvent[] = [];
  readonly ended: Promise<Ended>;

  /** `passed`: listeners that it inherits as systemd would hand them over, with these names. In a process group of its own. */
  constructor(scene: GracefulScene, passed: readonly net.Server[] = [], names?: string) {
    const handles = passed.map((server) => {
      const { _handle: handle } = server as unknown as { _handle: { fd: number } };
      return handle.fd;
    });
    const variables =
      passed.length === 0 ? "" : `LISTEN_PID=$$ LISTEN_FDS=${passed.length} LISTEN_FDNAMES=${names ?? ""} `;
    this.child = spawn("sh", ["-c", `${variables}exec "$0" "$@"`, process.execPath, PROGRAM, JSON.stringify(scene)], {
      stdio: ["pipe", "pipe", "inherit", ...handles],
      detached: true,
    });
    createInterface({ input: this.child.stdout! }).on("line", (line) =>
      this.events.push(JSON.parse(line) as ChildEvent),
    );
    this.ended = once(this.child, "close").then(([code, signal]: (Ended["code"] | Ended["signal"])[]) => ({
      code: (code ?? null) as number | null,
      signal: (signal ?? null) as string | null,
    }));
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The first of these events, or the one of this number. */
  event(name: string, count = 1): Promise<ChildEvent> {
    return until(`event ${count}: ${name}`, () => this.of(name)[count - 1]);
  }

  of(name: string): ChildEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  async port(): Promise<number> {
    return Number((await this.event("listening"))["port"]);
  }

  finish(): void {
    this.child.stdin!.write("finish\n");
  }

  /** To all of its group, as the terminal does on Ctrl-C. */
  signalAll(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  async kill(): Promise<void> {
    try {
      this.signalAll("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.ended;
  }
}

export interface Answered {
  readonly text: string;
  readonly connection: string | undefined;
}

/** Rejects with the error of the request. */
export function ask(port: number, path: string, agent?: http.Agent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    http
      .get({ port, path, host: "127.0.0.1", ...(agent === undefined ? {} : { agent }) }, (response) => {
        let text = "";
        response
          .setEncoding("utf8")
          .on("data", (part: string) => (text += part))
          .on("end", () => resolve({ text, connection: response.headers.connection }))
          .on("error", reject);
      })
      .on("error", reject);
  });
}

/** "answered", or the code of the error. */
export function outcome(port: number, path = "/"): Promise<string> {
  return ask(port, path).then(
    () => "answered",
    ({ code }: NodeJS.ErrnoException) => code ?? "failed",
  );
}
