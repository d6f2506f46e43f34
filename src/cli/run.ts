/** `portmortem run [options] -- COMMAND ARGS…` */
import { constants } from "node:os";
import { basename } from "node:path";
import { PortmortemError, isPortmortemError } from "../base/errors.ts";
import { errorOfEnd } from "../keep/end-error.ts";
import { keep } from "../keep/keep.ts";
import type { RunNews } from "../render/run-text.ts";
import { asksForRecords } from "./run-records-asked.ts";
import { recordRun } from "./run-recorded.ts";
import type { KeepOptions } from "../keep/keep-options.ts";
import type { KeeperEnd } from "../keep/keeper-events.ts";
import { jsonText } from "../render/escape.ts";
import { RunText } from "../render/run-text.ts";
import type { Run } from "./command.ts";
import type { Context } from "./context.ts";
import { durationOf } from "./duration-flag.ts";
import { EXIT } from "./exit-status.ts";
import { sayIfHeard, writeError } from "./output.ts";
import { tellServiceManager } from "./run-service.ts";
import { passSignals } from "./run-signals.ts";

interface RunFlags {
  readonly port?: readonly string[];
  readonly mode?: NonNullable<KeepOptions["mode"]>;
  readonly restart?: NonNullable<KeepOptions["restart"]>;
  readonly backoff?: string;
  readonly maxRestarts?: string;
  readonly whileDown?: "queue" | "refuse";
  readonly hold?: string;
  readonly grace?: string;
  readonly take?: boolean;
  readonly name?: string;
  readonly list?: boolean;
  readonly stop?: readonly string[];
  readonly stopAll?: boolean;
  readonly reload?: readonly string[];
}

export const runRun: Run = async (context, [words], options) => {
  refuseMachineOptions(context, options);
  const flags: RunFlags = options;
  const [command, ...args] = words as readonly string[];
  if (asksForRecords(flags)) {
    if (command !== undefined)
      throw new PortmortemError("PM_USAGE", `${command} would not be run: this is about what runs already`, {
        hint: "either a command, or one of --list, --stop, --stop-all, --reload",
      });
    const { runOnRecords } = await import("./run-records.ts");
    return runOnRecords(context, flags);
  }
  if (command === undefined)
    throw new PortmortemError("PM_USAGE", "run what?", { hint: "portmortem run -- node server.js" });
  const keeper = keep({ command, args, ...keepOptionsOf(flags) });
  const tell = teller(context, basename(command));
  keeper.on("event", tell);
  const { name, port: ports } = flags;
  const record = recordRun(keeper, {
    command,
    args,
    ...(name === undefined ? {} : { name }),
    ...(ports === undefined ? {} : { ports }),
  });
  if (typeof record === "string") tell({ kind: "no-record", why: record });
  const manager = tellServiceManager(keeper);
  for (const why of manager.problems) tell({ kind: "service-manager", why });
  const signals = passSignals(keeper);
  try {
    await keeper.start();
    const end = await keeper.ended();
    tell({ kind: "done", because: end.because });
    const error = errorOfEnd(end, command);
    return error === undefined ? statusOf(end, signals.endAsked()) : refused(error, context);
  } catch (error) {
    const asked = signals.endAsked();
    // Before the program was started.
    if (asked !== undefined && isAbort(error)) {
      tell({ kind: "done", because: "stopped" });
      return statusOf({ because: "stopped" }, asked);
    }
    return refused(error, context);
  } finally {
    signals.leaveOff();
    manager.close();
    if (typeof record !== "string") record.close();
  }
};

function keepOptionsOf(flags: RunFlags): Omit<KeepOptions, "command"> {
  const holdMs = durationOf("--hold", flags.hold);
  const graceMs = durationOf("--grace", flags.grace);
  return {
    ...(flags.port === undefined ? {} : { ports: flags.port }),
    ...(flags.mode === undefined ? {} : { mode: flags.mode }),
    ...(flags.restart === undefined ? {} : { restart: flags.restart }),
    ...(flags.whileDown === undefined ? {} : { whileDown: flags.whileDown }),
    ...(flags.backoff === undefined ? {} : { backoff: backoffOf(flags.backoff) }),
    ...(flags.maxRestarts === undefined ? {} : { maxRestarts: maxRestartsOf(flags.maxRestarts) }),
    ...(holdMs === undefined ? {} : { holdMs }),
    ...(graceMs === undefined ? {} : { graceMs }),
    take: flags.take ?? false,
  };
}

/** "100ms..30s"; one length of time alone is both. */
function backoffOf(text: string): { readonly firstMs: number; readonly mostMs: number } {
  const [first, most = first, ...more] = text.split("..");
  const firstMs = durationOf("--backoff", first) ?? 0;
  const mostMs = durationOf("--backoff", most) ?? 0;
  if (more.length > 0 || mostMs < firstMs)
    throw new PortmortemError("PM_USAGE", `--backoff ${JSON.stringify(text)} is no range of times`, {
      hint: "from the shortest to the longest: 100ms..30s",
    });
  return { firstMs, mostMs };
}

/** "5/1m" */
function maxRestartsOf(text: string): { readonly count: number; readonly periodMs: number } {
  const [, count, period] = /^(\d{1,6})\/(.+)$/.exec(text) ?? [];
  const periodMs = period === undefined ? undefined : durationOf("--max-restarts", period);
  if (count === undefined || periodMs === undefined)
    throw new PortmortemError("PM_USAGE", `--max-restarts ${JSON.stringify(text)} is not so many in a time`, {
      hint: "write 5/1m: five within a minute",
    });
  return { count: Number(count), periodMs };
}

function refuseMachineOptions(context: Context, options: Readonly<Record<string, unknown>>): void {
  const { netns } = context;
  if (netns !== undefined)
    throw new PortmortemError("PM_USAGE", "run starts its program in the namespace in which it is itself", {
      hint: `ip netns exec ${netns} portmortem run …`,
    });
  for (const name of ["record", "replay"])
    if (options[name] !== undefined)
      throw new PortmortemError("PM_USAGE", `run has nothing to ${name}`, { hint: "leave it out" });
}

/** Lines on stderr: stdout is the program's. */
function teller(context: Context, command: string): (news: RunNews) => void {
  const text = new RunText(command, context.verbose);
  return (news) => {
    if (context.quiet) return;
    const { kind, ...rest } = news;
    const lines = context.json
      ? jsonText({ schema: "portmortem.run/1", event: kind, ...rest })
      : text.line(news, performance.now())?.replace(/^/gm, "portmortem: ");
    if (lines !== undefined) sayIfHeard(() => writeError(`${lines}\n`));
  };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** The program's own, in the end; of one that was never started, that of the signal that came first. */
function statusOf(end: KeeperEnd, asked: NodeJS.Signals | undefined): number {
  if (!("end" in end) || end.end === undefined) return asked === undefined ? EXIT.ok : 128 + constants.signals[asked];
  return "signal" in end.end ? 128 + constants.signals[end.end.signal] : end.end.status;
}

/** As a shell has it: 127 for what is not there, 126 for what cannot be run. */
function refused(error: unknown, context: Context): number {
  if (!isPortmortemError(error) || error.code !== "PM_CANNOT_RUN") throw error;
  const { code, message, hint, errno } = error;
  writeError(
    context.json
      ? `${jsonText({ schema: "portmortem.error/1", error: { code, message, hint, errno } })}\n`
      : `portmortem: ${message}\n  ${hint}\n`,
  );
  return errno === "ENOENT" ? 127 : 126;
}
