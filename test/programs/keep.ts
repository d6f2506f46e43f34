/**
 * Keeps a program, and tells on descriptor 3, a JSON line each, what happens.
 *   node keep.js '{"ports":[49200],…}' COMMAND ARGS…
 * Lines on descriptor 4: "report" answers with what this process holds; "reload" and "stop" do it. SIGTERM stops too.
 */
import { readdirSync, readFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { LinuxKeeping } from "../../src/host/linux/linux-keeping.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { EventOrder } from "../../src/keep/event-order.ts";
import { ProgramKeeper } from "../../src/keep/keeper.ts";
import type { KeeperEnd, KeeperEvent } from "../../src/keep/keeper-events.ts";
import { KeptSockets } from "../../src/keep/kept-sockets.ts";
import type { RestartPolicy } from "../../src/keep/restart-policy.ts";
import { wantedPorts } from "../../src/keep/wanted-ports.ts";

export interface KeepSettings {
  readonly ports?: readonly number[];
  readonly restarts?: Partial<RestartPolicy>;
  readonly whileDown?: "queue" | "refuse";
  readonly holdMs?: number;
  readonly graceMs?: number;
  readonly argv0?: string;
  /** Descriptors 3 and 4 are not there. */
  readonly silent?: boolean;
}

export interface KeepReport {
  readonly kind: "report";
  readonly descriptors: number;
  readonly residentBytes: number;
  readonly kept: number;
  readonly zombies: number;
}

export type KeepLine = KeeperEvent | KeepReport | { readonly kind: "done"; readonly end: KeeperEnd };

const EVENTS_FD = 3;
const COMMANDS_FD = 4;

function tell(line: KeepLine): void {
  if (settings.silent !== true) writeSync(EVENTS_FD, `${JSON.stringify(line)}\n`);
}

function zombies(): number {
  return readdirSync("/proc").filter((name) => {
    if (!/^[0-9]+$/.test(name)) return false;
    try {
      return new RegExp(`^\\d+ \\(.*\\) Z ${process.pid} `, "s").test(readFileSync(`/proc/${name}/stat`, "utf8"));
    } catch {
      return false;
    }
  }).length;
}

const [settingsText = "{}", command = "", ...args] = process.argv.slice(2);
const settings = JSON.parse(settingsText) as KeepSettings;
const native = loadLibc();
if ("why" in native) throw new Error(native.why);
const host = new LinuxKeeping(native);
const order = new EventOrder(tell);
const sockets = new KeptSockets({
  wanted: wantedPorts(
    (settings.ports ?? []).map((port) => ({ port })),
    { from: 32_768, to: 60_999 },
  ),
  host,
  emit: order.tell,
});
const keeper = new ProgramKeeper({
  host,
  program: { command, args, ...(settings.argv0 === undefined ? {} : { argv0: settings.argv0 }) },
  sockets,
  restarts: { restart: "on-failure", firstMs: 0, mostMs: 0, healthyMs: 60_000, ...settings.restarts },
  whileDown: settings.whileDown ?? "queue",
  holdMs: settings.holdMs ?? 60_000,
  graceMs: settings.graceMs ?? 5000,
  emit: tell,
  order,
});

if (settings.silent !== true) listenToCommands();
process.on("SIGTERM", () => keeper.stop());

const end = await keeper.run();
host.close();
tell({ kind: "done", end });
process.exit(0);

function listenToCommands(): void {
  const commands = new Socket({ fd: COMMANDS_FD, readable: true, writable: false });
  commands.unref();
  createInterface({ input: commands }).on("line", (line) => {
    if (line === "report")
      tell({
        kind: "report",
        descriptors: readdirSync("/proc/self/fd").length - 1,
        residentBytes: process.memoryUsage.rss(),
        kept: sockets.entries.length,
        zombies: zombies(),
      });
    else if (line === "stop") keeper.stop();
    else if (line === "reload") void keeper.reload();
  });
}
