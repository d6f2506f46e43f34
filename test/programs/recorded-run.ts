/**
 * As `portmortem run`, as far as its record goes: writes down that it keeps a command, starts it, and ends it when it is asked to end.
 *   node recorded-run.js '{"folder":"…","name":"api"}' COMMAND ARGS…
 * Prints its own pid and name and the command's pid, as JSON; or the code of the error.
 */
import { spawn } from "node:child_process";
import { isPortmortemError } from "../../src/base/errors.ts";
import { openRunRecord } from "../../src/keep/run-record.ts";
import type { RunRecordFile } from "../../src/keep/run-record.ts";

export interface RecordedRunSettings {
  readonly folder: string;
  readonly name?: string;
  readonly port?: number;
  readonly graceMs?: number;
  /** Does not end when it is asked to. */
  readonly deaf?: boolean;
  /** Ends when it is asked to, and leaves the program and the record. */
  readonly careless?: boolean;
}

export type RecordedRun = {
  readonly keeper: number;
  readonly program: number;
  readonly name: string;
  readonly id: string;
};

const [settingsText = "{}", command = "", ...args] = process.argv.slice(2);
const settings = JSON.parse(settingsText) as RecordedRunSettings;

function open(): RunRecordFile {
  const { folder, name, port, graceMs = 2000 } = settings;
  const ports = port === undefined ? [] : [{ protocol: "tcp" as const, address: "127.0.0.1", port }];
  const first = { command, args, mode: "plain" as const, cwd: process.cwd(), graceMs, ports };
  try {
    return openRunRecord({ ...first, ...(name === undefined ? {} : { name }) }, { folder });
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: isPortmortemError(error) ? error.code : String(error) })}\n`);
    process.exit(1);
  }
}

const file = open();
const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
process.on("SIGTERM", () => {
  if (settings.deaf === true) return;
  if (settings.careless === true) process.exit(0);
  child.once("exit", () => {
    file.close();
    process.exit(0);
  });
  child.kill("SIGTERM");
});
child.once("spawn", () => {
  file.update({ programPid: child.pid });
  const { name, id } = file.record;
  process.stdout.write(`${JSON.stringify({ keeper: process.pid, program: child.pid, name, id })}\n`);
});
setInterval(() => undefined, 1 << 30);
