/** `portmortem run --list`, `--stop NAME|PORT`, `--stop-all`, `--reload NAME|PORT` */
import { PortmortemError } from "../base/errors.ts";
import { durationText } from "../base/duration.ts";
import { listRuns } from "../keep/list-runs.ts";
import { reloadRuns } from "../keep/reload-runs.ts";
import { stopRuns } from "../keep/stop-runs.ts";
import { jsonText } from "../render/escape.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import { renderReload, renderRuns, renderStop } from "../render/runs-text.ts";
import type { ReloadRunsResult } from "../tcp/run-record.ts";
import type { Incomplete } from "../tcp/socket.ts";
import type { Context } from "./context.ts";
import { durationOf } from "./duration-flag.ts";
import { EXIT } from "./exit-status.ts";
import { hearInterrupts } from "./interrupt.ts";
import { writeError, writeOut } from "./output.ts";
import { createProgressLine } from "./progress.ts";
import { statusOfStop } from "./stop-status.ts";
import type { RecordFlags } from "./run-records-asked.ts";

/** What only a program that is to be started can have. */
const OF_A_START = ["port", "mode", "take", "restart", "backoff", "maxRestarts", "whileDown", "hold", "name"];

export async function runOnRecords(context: Context, flags: RecordFlags): Promise<number> {
  const { list, stop, stopAll, reload } = flags;
  if ([list === true, stop !== undefined || stopAll === true, reload !== undefined].filter(Boolean).length > 1)
    throw new PortmortemError("PM_USAGE", "--list, --stop and --reload do not go together", { hint: "one at a time" });
  const idle = [...OF_A_START, ...(stop === undefined && stopAll !== true ? ["grace"] : [])];
  const given = idle.find((option) => option in flags);
  if (given !== undefined)
    throw new PortmortemError("PM_USAGE", `${flagOf(given)} would change nothing: this is about what runs already`, {
      hint: "leave it out; a run is named by --stop NAME, --reload NAME",
    });
  if (list === true) return runList(context);
  return reload === undefined ? runStop(context, flags) : runReload(context, reload);
}

async function runList(context: Context): Promise<number> {
  const result = await listRuns();
  say(context, "portmortem.run-list/1", result, renderRuns(result, viewOf(context)));
  return EXIT.ok;
}

async function runStop(context: Context, { stop = [], stopAll = false, grace }: RecordFlags): Promise<number> {
  const graceMs = durationOf("--grace", grace);
  const progress = createProgressLine(!context.quiet);
  const interrupt = hearInterrupts();
  const result = await stopRuns({
    ...wordsOf(stop),
    all: stopAll,
    signal: interrupt.signal,
    onWaiting: (name, waitedMs, limitMs) =>
      progress.say(
        () =>
          `waiting for ${name} to end: ${durationText(Math.floor(waitedMs / 1000) * 1000)} of ${durationText(limitMs)}`,
      ),
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  progress.clear();
  say(context, "portmortem.run-stop/1", result, renderStop(result, viewOf(context)));
  return interrupt.status() ?? statusOfStop(result);
}

async function runReload(context: Context, words: readonly string[]): Promise<number> {
  const interrupt = hearInterrupts();
  const result = await reloadRuns({ ...wordsOf(words), signal: interrupt.signal }).catch((error: unknown) => {
    if (interrupt.status() === undefined) throw error;
  });
  if (result === undefined) return interrupt.status() ?? EXIT.no;
  say(context, "portmortem.run-reload/1", result, renderReload(result, viewOf(context)));
  return statusOfReload(result);
}

function statusOfReload({ reloaded, notFound }: ReloadRunsResult): number {
  const failed = notFound.length + reloaded.filter((one) => one.result === "failed").length;
  if (failed === 0) return EXIT.ok;
  return failed < reloaded.length + notFound.length ? EXIT.partial : EXIT.no;
}

/** Digits only are a port: no run is called so. */
function wordsOf(words: readonly string[]): { readonly names: readonly string[]; readonly ports: readonly number[] } {
  const isPort = (word: string): boolean => /^\d+$/.test(word);
  return { names: words.filter((word) => !isPort(word)), ports: words.filter(isPort).map(Number) };
}

function viewOf(context: Context): Parameters<typeof renderRuns>[1] {
  return { style: context.style, ...(context.width === undefined ? {} : { width: context.width }) };
}

function say(
  context: Context,
  schema: string,
  result: { readonly incomplete: readonly Incomplete[] },
  text: string,
): void {
  if (context.json) writeOut(`${jsonText({ schema, ...result })}\n`);
  else {
    writeOut(text);
    if (!context.quiet) writeError(renderIncomplete(result.incomplete, context.style, context.width));
  }
}

function flagOf(option: string): string {
  return `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
