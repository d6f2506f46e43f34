/** `portmortem why --connect HOST:PORT [--from ADDRESS[:PORT|LOW-HIGH]]` */
import { whyConnect } from "../ask/why-connect.ts";
import { PortmortemError } from "../base/errors.ts";
import { jsonText } from "../render/escape.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import { renderWhyConnect } from "../render/why-connect-text.ts";
import type { BindFlags } from "./bind-flags.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-status.ts";
import { PIPE_WIDTH, writeError, writeOut } from "./output.ts";
import { createProgressLine } from "./progress.ts";

export interface ConnectFlags extends BindFlags {
  readonly connect?: string;
  readonly from?: string;
  readonly probe?: boolean;
}

/** Options of a bind that say nothing about a connection. */
const OF_A_BIND = [
  ["udp", "--udp"],
  ["v6only", "--v6only"],
  ["reusePort", "--reuse-port"],
  ["user", "--user"],
  ["device", "--device"],
] as const;

/** `port`: the operand of the other question, which has no place here. Answers the exit status. */
export async function runWhyConnect(
  context: Context,
  remote: string,
  port: unknown,
  flags: ConnectFlags,
): Promise<number> {
  if (port !== undefined)
    throw new PortmortemError("PM_USAGE", `--connect and the port ${JSON.stringify(port)} are two questions`, {
      hint: "--connect HOST:PORT asks about a connection, a port alone about a bind; the local port goes into --from",
    });
  const stray = OF_A_BIND.find(([key]) => flags[key] !== undefined);
  if (stray !== undefined)
    throw new PortmortemError("PM_USAGE", `${stray[1]} does not go with --connect`, {
      hint: "it is about a bind; where a connection comes from is said by --from",
    });
  const progress = createProgressLine(!context.quiet);
  const answer = await whyConnect(remote, {
    probe: flags.probe ?? true,
    onProgress: progress.report,
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.reuseAddr === undefined ? {} : { reuseAddr: flags.reuseAddr }),
    ...(context.host === undefined ? {} : { host: context.host }),
    ...(context.netns === undefined ? {} : { netns: context.netns }),
  });
  progress.clear();
  if (context.json) writeOut(`${jsonText({ schema: "portmortem.why-connect/1", ...answer })}\n`);
  else {
    writeOut(
      renderWhyConnect(answer, { style: context.style, width: context.width ?? PIPE_WIDTH, verbose: context.verbose }),
    );
    if (!context.quiet) writeError(renderIncomplete(answer.incomplete, context.style, context.width));
  }
  return answer.connectable === true ? EXIT.ok : EXIT.no;
}
