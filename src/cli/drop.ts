/** `portmortem drop FILTER` */
import { drop } from "../act/drop.ts";
import type { DropPlan, DropResult } from "../tcp/drop-result.ts";
import { PortmortemError } from "../base/errors.ts";
import type { DropWay } from "../tcp/drop-plan.ts";
import { standAside } from "../host/linux/stand-aside.ts";
import { renderDropPlan, renderDropResult } from "../render/drop-text.ts";
import { countText } from "../base/duration.ts";
import { jsonText } from "../render/escape.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import type { Run } from "./command.ts";
import { askConsent, canAsk, showPlan } from "./consent.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-status.ts";
import { hearInterrupts } from "./interrupt.ts";
import { createProgressLine } from "./progress.ts";
import { PIPE_WIDTH, sayIfHeard, writeError, writeOut } from "./output.ts";

interface DropFlags {
  readonly how?: DropWay;
  readonly limit?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const runDrop: Run = async (context, [words], options) => {
  const flags = options as DropFlags;
  const aside = standAside();
  const limit = flags.limit === undefined ? undefined : parseLimit(flags.limit);
  const progress = createProgressLine(!context.quiet);
  const interrupt = hearInterrupts();
  const asks = flags.yes !== true && flags.dryRun !== true && !context.json && (await canAsk());
  let planShown = false;
  const confirm = async (plan: DropPlan): Promise<boolean> => {
    progress.clear();
    planShown = showPlan(renderDropPlan(plan, viewOf(context)), context);
    const count = plan.plan.reduce((sum, step) => sum + step.count, 0);
    return askConsent(`drop ${count === 1 ? "it" : `these ${countText(count)}`}?`, interrupt.signal);
  };
  const result = await drop({
    filter: (words as readonly string[]).join(" "),
    yes: flags.yes ?? false,
    dryRun: flags.dryRun ?? false,
    signal: interrupt.signal,
    onProgress: (done, of, what) => {
      aside.look();
      if (what !== "dropped") progress.report(done, what);
      else progress.say(() => `dropping: ${countText(done)} of ${countText(of)}`);
    },
    ...(flags.how === undefined ? {} : { how: flags.how }),
    ...(limit === undefined ? {} : { limit }),
    ...(asks ? { confirm } : {}),
    ...(context.host === undefined ? {} : { host: context.host }),
    ...(context.netns === undefined ? {} : { netns: context.netns }),
  });
  progress.clear();
  say(context, result, { planShown });
  return interrupt.status() ?? statusOf(result);
};

function parseLimit(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new PortmortemError("PM_USAGE", `--limit ${JSON.stringify(text)} is no number of connections`, {
    hint: "a number from 1 on",
  });
}

function viewOf(context: Context): Parameters<typeof renderDropPlan>[1] {
  return { style: context.style, width: context.width ?? PIPE_WIDTH };
}

function say(context: Context, result: DropResult, { planShown }: { readonly planShown: boolean }): void {
  sayIfHeard(() => {
    if (context.json) writeOut(`${jsonText({ schema: "portmortem.drop/1", ...result })}\n`);
    else {
      writeOut(renderDropResult(result, { ...viewOf(context), planShown }));
      if (!context.quiet && (result.matched === 0 || context.verbose))
        writeError(renderIncomplete(result.incomplete, context.style, context.width));
    }
  });
}

function statusOf(result: DropResult): number {
  if (result.matched === 0 || result.declined === true) return EXIT.no;
  if (result.failed.length === 0) return EXIT.ok;
  if (result.dropped > 0 || result.gone > 0) return EXIT.partial;
  if (result.dryRun === true && result.plan.length > 0) return EXIT.ok;
  const lacks = new Set(result.failed.map((failure) => failure.lacks));
  if (lacks.size > 1) return EXIT.partial;
  return lacks.has("right") ? EXIT.right : lacks.has("kernel") ? EXIT.system : EXIT.partial;
}
