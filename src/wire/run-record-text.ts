/**
 * The file of a run: JSON, `{"schema":"portmortem.run-record/1", …}`. A file is believed only as far as it is as it should be; a field that is
 * not known is skipped, and a later schema is not read at all, since its fields may mean something else. Pure.
 */
import type { RunMode, RunPort, RunProcess, RunRecord, RunReload } from "../tcp/run-record.ts";
import { nameOf, parseJson, textAt, valueAt } from "./untrusted-json.ts";

const SCHEMA = "portmortem.run-record/";
const VERSION = 1;
const MODES: readonly RunMode[] = ["adopt", "activate", "plain"];
const RELOADS: readonly RunReload["result"][] = ["handed-over", "restarted", "failed"];
/** The kernel's own bound (PID_MAX_LIMIT). */
const MOST_PID = 4_194_304;

export function formatRunRecord(record: RunRecord): string {
  return `${JSON.stringify({ schema: `${SCHEMA}${VERSION}`, ...record })}\n`;
}

export type ParsedRunRecord =
  | { readonly record: RunRecord }
  /** `newer`: of a later version of portmortem. */
  | { readonly why: string; readonly newer: boolean };

export function parseRunRecord(text: string): ParsedRunRecord {
  const value = parseJson(text);
  const version = new RegExp(`^${SCHEMA}([1-9]\\d{0,5})$`).exec(textAt(value, "schema") ?? "")?.[1];
  if (version === undefined) return { why: "it is no record of portmortem", newer: false };
  if (Number(version) > VERSION) return { why: "it was written by a later version of portmortem", newer: true };
  const record = recordOf(value);
  return typeof record === "string" ? { why: `its ${record} cannot be read`, newer: false } : { record };
}

/** Or the name of the field that is missing or wrong. */
function recordOf(value: unknown): RunRecord | string {
  const id = textAt(value, "id");
  if (id === undefined || !isRunId(id)) return "id";
  const name = nameOf(valueAt(value, "name"));
  if (name === undefined) return "name";
  const keeper = processOf(valueAt(value, "keeper"));
  if (keeper === undefined) return "keeper";
  const bootId = valueAt(value, "bootId");
  if (bootId !== undefined && typeof bootId !== "string") return "bootId";
  const pidNamespace = valueAt(value, "pidNamespace");
  if (pidNamespace !== undefined && !isCount(pidNamespace)) return "pidNamespace";
  const hasProgram = valueAt(value, "program") !== undefined;
  const program = processOf(valueAt(value, "program"));
  if (hasProgram && program === undefined) return "program";
  const otherPrograms = listOf(valueAt(value, "otherPrograms") ?? [], processOf);
  if (otherPrograms === undefined) return "otherPrograms";
  const command = textAt(value, "command");
  if (command === undefined) return "command";
  const args = listOf(valueAt(value, "args"), (arg) => (typeof arg === "string" ? arg : undefined));
  if (args === undefined) return "args";
  const ports = listOf(valueAt(value, "ports"), portOf);
  if (ports === undefined) return "ports";
  const mode = MODES.find((one) => one === valueAt(value, "mode"));
  if (mode === undefined) return "mode";
  const cwd = textAt(value, "cwd");
  if (cwd === undefined) return "cwd";
  const startedAt = textAt(value, "startedAt");
  if (startedAt === undefined || Number.isNaN(Date.parse(startedAt))) return "startedAt";
  const restarts = valueAt(value, "restarts");
  if (!isCount(restarts)) return "restarts";
  const hasReload = valueAt(value, "lastReload") !== undefined;
  const lastReload = reloadOf(valueAt(value, "lastReload"));
  if (hasReload && lastReload === undefined) return "lastReload";
  const graceMs = valueAt(value, "graceMs");
  if (!isCount(graceMs)) return "graceMs";
  return {
    id,
    name,
    keeper,
    ...(bootId === undefined ? {} : { bootId }),
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
    ...(program === undefined ? {} : { program }),
    ...(otherPrograms.length === 0 ? {} : { otherPrograms }),
    command,
    args,
    ports,
    mode,
    cwd,
    startedAt,
    restarts,
    ...(lastReload === undefined ? {} : { lastReload }),
    graceMs,
  };
}

function reloadOf(value: unknown): RunReload | undefined {
  const number = valueAt(value, "number");
  const result = RELOADS.find((one) => one === valueAt(value, "result"));
  const why = textAt(value, "why");
  if (!isCount(number) || result === undefined) return undefined;
  return { number, result, ...(why === undefined ? {} : { why }) };
}

/** It names a file: no slash, no dot. */
export function isRunId(text: string): boolean {
  return /^[0-9a-z]{1,32}$/.test(text);
}

/** 0 and 1 are no program's: a signal to either would reach others. */
function processOf(value: unknown): RunProcess | undefined {
  const pid = valueAt(value, "pid");
  const startTicks = valueAt(value, "startTicks");
  return isCount(pid) && pid > 0 && pid <= MOST_PID && isCount(startTicks) ? { pid, startTicks } : undefined;
}

function portOf(value: unknown): RunPort | undefined {
  const protocol = valueAt(value, "protocol");
  const address = textAt(value, "address");
  const port = valueAt(value, "port");
  if ((protocol !== "tcp" && protocol !== "udp") || address === undefined || !isCount(port)) return undefined;
  return port <= 65_535 ? { protocol, address, port } : undefined;
}

function listOf<T>(value: unknown, read: (one: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list = value.map(read);
  return list.every((one): one is T & {} => one !== undefined) ? list : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
