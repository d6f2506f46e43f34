/** `portmortem why [ADDRESS:]PORT`, and with --connect the other question, whose body is loaded then. */
import { why } from "../ask/why.ts";
import { PortmortemError } from "../base/errors.ts";
import { parseEndpoint } from "../tcp/endpoint.ts";
import { jsonText } from "../render/escape.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import { renderWhy } from "../render/why-text.ts";
import { bindOptionsOf, endpointOf } from "./bind-flags.ts";
import type { BindFlags } from "./bind-flags.ts";
import type { Run } from "./command.ts";
import { EXIT } from "./exit-status.ts";
import { createProgressLine } from "./progress.ts";
import { PIPE_WIDTH, writeError, writeOut } from "./output.ts";

interface WhyFlags extends BindFlags {
  readonly connect?: string;
  readonly from?: string;
  readonly probe?: boolean;
}

export const runWhy: Run = async (context, [endpoint], options) => {
  const flags = options as WhyFlags;
  if (flags.connect !== undefined)
    return (await import("./why-connect.ts")).runWhyConnect(context, flags.connect, endpoint, flags);
  if (flags.from !== undefined)
    throw new PortmortemError("PM_USAGE", "--from goes with --connect", {
      hint: "it says where a connection comes from: --connect HOST:PORT --from ADDRESS",
    });
  if (typeof endpoint !== "string")
    throw new PortmortemError("PM_USAGE", "missing the port", {
      hint: "write why [ADDRESS:]PORT for a bind, or why --connect HOST:PORT for a connection",
    });
  const parsed = parseEndpoint(endpoint);
  const progress = createProgressLine(!context.quiet);
  const answer = await why(endpointOf(parsed, flags), {
    ...bindOptionsOf(flags, context),
    probe: flags.probe ?? true,
    onProgress: progress.report,
  });
  progress.clear();
  if (context.json) writeOut(`${jsonText({ schema: "portmortem.why/1", ...answer })}\n`);
  else {
    writeOut(
      renderWhy(answer, {
        style: context.style,
        width: context.width ?? PIPE_WIDTH,
        verbose: context.verbose,
        ...(flags.user === undefined ? {} : { user: flags.user }),
      }),
    );
    // A free port needs no more words, unless the bind that was to prove it could not be made.
    const proven = answer.bindable && (flags.probe === false || answer.attempts.every(({ by }) => by === "probe"));
    if ((!proven || context.verbose) && !context.quiet)
      writeError(renderIncomplete(answer.incomplete, context.style, context.width));
  }
  return answer.bindable ? EXIT.ok : EXIT.no;
};
