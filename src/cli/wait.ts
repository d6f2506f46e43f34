/** `portmortem wait [ADDRESS:]PORT` */
import { waitUntilBindable } from "../act/wait-until-bindable.ts";
import { parseEndpoint } from "../tcp/endpoint.ts";
import { jsonText } from "../render/escape.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import { renderWaiting } from "../render/wait-text.ts";
import { renderWhy } from "../render/why-text.ts";
import type { Why } from "../verdict/why.ts";
import { bindOptionsOf, endpointOf } from "./bind-flags.ts";
import type { BindFlags } from "./bind-flags.ts";
import type { Run } from "./command.ts";
import { durationOf } from "./duration-flag.ts";
import { EXIT } from "./exit-status.ts";
import { hearInterrupts } from "./interrupt.ts";
import { createProgressLine } from "./progress.ts";
import { PIPE_WIDTH, writeError, writeOut } from "./output.ts";

interface WaitFlags extends BindFlags {
  readonly timeout?: string;
}

export const runWait: Run = async (context, [endpoint], options) => {
  const flags = options as WaitFlags;
  const parsed = parseEndpoint(String(endpoint));
  const timeoutMs = durationOf("--timeout", flags.timeout);
  const progress = createProgressLine(!context.quiet);
  const interrupt = hearInterrupts();
  const started = Date.now();
  let last: Why | undefined;
  let answer: Why | undefined;
  try {
    answer = await waitUntilBindable(endpointOf(parsed, flags), {
      ...bindOptionsOf(flags, context),
      signal: interrupt.signal,
      onProgress: progress.report,
      onWaiting: (now, freeInMs) => {
        last = now;
        progress.say(() => renderWaiting(now, freeInMs, Date.now() - started, context.style));
      },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  } catch (error) {
    if (interrupt.status() === undefined) throw error;
  } finally {
    progress.clear();
  }
  const shown = answer ?? last;
  if (context.json) {
    if (shown !== undefined) writeOut(`${jsonText({ schema: "portmortem.wait/1", ...shown })}\n`);
  } else if (answer === undefined) writeError(`interrupted: port ${parsed.port} is still taken\n`);
  else {
    writeOut(
      renderWhy(answer, {
        style: context.style,
        width: context.width ?? PIPE_WIDTH,
        verbose: context.verbose,
        ...(flags.user === undefined ? {} : { user: flags.user }),
      }),
    );
    if (!answer.bindable && !context.quiet)
      writeError(renderIncomplete(answer.incomplete, context.style, context.width));
  }
  return interrupt.status() ?? statusOf(answer);
};

function statusOf(answer: Why | undefined): number {
  if (answer?.bindable === true) return EXIT.ok;
  return answer?.attempts[0]?.result === "EACCES" ? EXIT.right : EXIT.no;
}
