/** `portmortem doctor` */
import { doctor } from "../ask/doctor.ts";
import type { DoctorOptions } from "../ask/doctor.ts";
import { PortmortemError } from "../base/errors.ts";
import { renderDoctor } from "../render/doctor-text.ts";
import { jsonText } from "../render/escape.ts";
import { renderIncomplete } from "../render/ls-text.ts";
import type { Run } from "./command.ts";
import { EXIT } from "./exit-status.ts";
import { createProgressLine } from "./progress.ts";
import { PIPE_WIDTH, writeError, writeOut } from "./output.ts";

interface DoctorFlags {
  readonly only?: string;
  readonly level?: NonNullable<DoctorOptions["level"]>;
  readonly watch?: string;
}

export const runDoctor: Run = async (context, _args, options) => {
  const flags = options as DoctorFlags;
  const progress = createProgressLine(!context.quiet);
  const answer = await doctor({
    onProgress: progress.report,
    onWait: progress.countDown,
    ...(flags.only === undefined ? {} : { only: codesOf(flags.only) }),
    ...(flags.level === undefined ? {} : { level: flags.level }),
    ...(flags.watch === undefined ? {} : { watchMs: watchMsOf(flags.watch) }),
    ...(context.host === undefined ? {} : { host: context.host }),
    ...(context.netns === undefined ? {} : { netns: context.netns }),
  }).finally(progress.clear);
  if (context.json) writeOut(`${jsonText({ schema: "portmortem.doctor/1", ...answer })}\n`);
  else {
    writeOut(
      renderDoctor(answer, {
        style: context.style,
        width: context.width ?? PIPE_WIDTH,
        verbose: context.verbose,
        some: flags.only !== undefined,
      }),
    );
    if (!context.quiet) writeError(renderIncomplete(answer.incomplete, context.style, context.width));
  }
  return answer.findings.some(({ level }) => level !== "info") ? EXIT.no : EXIT.ok;
};

function codesOf(text: string): string[] {
  const codes = text
    .split(",")
    .map((code) => code.trim())
    .filter((code) => code !== "");
  if (codes.length > 0) return codes;
  throw new PortmortemError("PM_USAGE", "--only takes at least one code", {
    hint: "portmortem doctor --only close-wait-pile,time-wait-pile",
  });
}

function watchMsOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  throw new PortmortemError("PM_USAGE", `--watch takes a number of seconds, and ${JSON.stringify(text)} is none`, {
    hint: "portmortem doctor --watch 10",
  });
}
