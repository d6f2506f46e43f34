/** `portmortem free [ADDRESS:]PORT…` */
import { free } from "../act/free.ts";
import { durationText } from "../base/duration.ts";
import { parseEndpoint } from "../tcp/endpoint.ts";
import type { FreePlan, FreeResult } from "../tcp/free-plan.ts";
import { jsonText } from "../render/escape.ts";
import { renderFreePlan, renderFreeResult } from "../render/free-text.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import { bindOptionsOf, endpointOf } from "./bind-flags.ts";
import type { BindFlags } from "./bind-flags.ts";
import type { Run } from "./command.ts";
import { askConsent, canAsk, showPlan } from "./consent.ts";
import type { Context } from "./context.ts";
import { durationOf } from "./duration-flag.ts";
import { EXIT } from "./exit-status.ts";
import { hearInterrupts } from "./interrupt.ts";
import { createProgressLine } from "./progress.ts";
import { PIPE_WIDTH, sayIfHeard, writeError, writeOut } from "./output.ts";

interface FreeFlags extends BindFlags {
  readonly wait?: string;
  readonly grace?: string;
  readonly force?: boolean;
  readonly dropClients?: boolean;
  readonly tree?: boolean;
  readonly container?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const runFree: Run = async (context, [words], options) => {
  const flags = options as FreeFlags;
  const endpoints = (words as readonly string[]).map((word) => endpointOf(parseEndpoint(word), flags));
  const waitMs = durationOf("--wait", flags.wait);
  const graceMs = durationOf("--grace", flags.grace);
  const progress = createProgressLine(!context.quiet);
  const interrupt = hearInterrupts();
  const asks = flags.yes !== true && flags.dryRun !== true && !context.json && (await canAsk());
  let planShown = false;
  const confirm = async (plan: FreePlan): Promise<boolean> => {
    progress.clear();
    planShown = showPlan(renderFreePlan(plan, viewOf(context)), context);
    // What only the kernel holds is nobody's to be asked about.
    if (plan.plan.every(({ kind }) => kind === "wait" || kind === "destroy")) return true;
    return askConsent("do that?", interrupt.signal);
  };
  const work = free(endpoints, {
    ...bindOptionsOf(flags, context),
    yes: flags.yes ?? false,
    dryRun: flags.dryRun ?? false,
    force: flags.force ?? false,
    tree: flags.tree ?? false,
    container: flags.container ?? false,
    signal: interrupt.signal,
    onProgress: progress.report,
    onWaiting: (what, waitedMs, limitMs) =>
      progress.say(
        () => `waiting for ${what}: ${durationText(Math.floor(waitedMs / 1000) * 1000)} of ${wholeSeconds(limitMs)}`,
      ),
    ...(flags.dropClients === undefined ? {} : { dropClients: flags.dropClients }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(graceMs === undefined ? {} : { graceMs }),
    ...(asks ? { confirm } : {}),
  });
  // What was begun is told in the answer; an error says that nothing was.
  const result = await work.catch((error: unknown) => {
    if (interrupt.status() === undefined) throw error;
  });
  progress.clear();
  if (result === undefined) writeError("interrupted: nothing was done\n");
  else say(context, result, planShown);
  return interrupt.status() ?? (result === undefined ? EXIT.no : statusOf(result));
};

function wholeSeconds(ms: number): string {
  return durationText(Math.ceil(ms / 1000) * 1000);
}

function viewOf(context: Context): Parameters<typeof renderFreePlan>[1] {
  return { style: context.style, width: context.width ?? PIPE_WIDTH, verbose: context.verbose };
}

function say(context: Context, result: FreeResult, planShown: boolean): void {
  sayIfHeard(() => {
    if (context.json) writeOut(`${jsonText({ schema: "portmortem.free/1", ...result })}\n`);
    else {
      writeOut(renderFreeResult(result, { ...viewOf(context), planShown }));
      if (!result.bindable && !context.quiet)
        writeError(renderIncomplete(result.incomplete, context.style, context.width));
    }
  });
}

function statusOf(result: FreeResult): number {
  if (result.bindable) return EXIT.ok;
  if (result.declined === true || result.cameBack !== undefined) return EXIT.no;
  if (result.dryRun === true) return result.refused.length === 0 ? EXIT.ok : refusedStatus(result);
  // To continue somebody who then does not end has freed nothing.
  const went = result.done.some((one) => one.result === "ok" && !(one.kind === "signal" && one.signal === "SIGCONT"));
  const failed = result.done.some(({ result: one }) => one === "failed");
  if (went && (failed || result.endpoints.some(({ bindable }) => bindable))) return EXIT.partial;
  return refusedStatus(result);
}

function refusedStatus({ refused, done }: FreeResult): number {
  const lacks = new Set(refused.map((one) => one.lacks));
  const errnos = done.map(({ errno }) => errno);
  if (lacks.has("right") || errnos.includes("EPERM")) return EXIT.right;
  return lacks.has("kernel") || errnos.includes("EOPNOTSUPP") ? EXIT.system : EXIT.no;
}
