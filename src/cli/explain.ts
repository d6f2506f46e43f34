/** `portmortem explain [WORD]` */
import { explain } from "../ask/explain.ts";
import { PortmortemError } from "../base/errors.ts";
import { jsonText } from "../render/escape.ts";
import { renderExplainIndex, renderExplanation } from "../render/explain-text.ts";
import type { Run } from "./command.ts";
import { EXIT } from "./exit-status.ts";
import { writeOut } from "./output.ts";

const PIPE_WIDTH = 80;

export const runExplain: Run = async (context, [words]) => {
  if (context.host !== undefined || context.netns !== undefined)
    throw new PortmortemError(
      "PM_USAGE",
      "explain asks no machine: --netns, --record and --replay mean nothing to it",
      {
        hint: "leave them out",
      },
    );
  const word = (words as readonly string[]).join(" ");
  const view = { style: context.style, width: context.width ?? PIPE_WIDTH };
  if (word === "") {
    const index = await explain();
    writeOut(
      context.json ? `${jsonText({ schema: "portmortem.explain/1", ...index })}\n` : renderExplainIndex(index, view),
    );
  } else {
    const page = await explain(word);
    writeOut(
      context.json ? `${jsonText({ schema: "portmortem.explain/1", ...page })}\n` : renderExplanation(page, view),
    );
  }
  return EXIT.ok;
};
