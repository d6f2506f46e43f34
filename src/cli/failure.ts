/** Every way in which a command can fail, as text or JSON, and its exit status. A stack trace is shown for a defect of ours only. */
import { isPortmortemError } from "../base/errors.ts";
import type { PortmortemError } from "../base/errors.ts";
import { escapeText, jsonText } from "../render/escape.ts";
import { textWidth } from "../render/text-layout.ts";
import { EXIT, exitStatusOf } from "./exit-status.ts";
import { ClosedPipe, writeError, writeOut } from "./output.ts";
import { version } from "./version.ts";

export function reportFailure(error: unknown, argv: readonly string[]): number {
  if (error instanceof ClosedPipe) return EXIT.ok;
  const options = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const known = isPortmortemError(error);
  const text = known ? knownText(error) : defectText(error, argv);
  const json = options.includes("--json") ? jsonOf(known ? knownJson(error) : defectJson(error)) : undefined;
  // The stdout of `run` is its program's.
  const isOnError = json !== undefined && argv[0] === "run";
  // Where stdout cannot be written to, that is the failure, and stderr has to tell it.
  const toStdout = json !== undefined && !isOnError && !(known && error.code === "PM_OUTPUT");
  if (!toStdout || !tryTo(() => writeOut(json))) tryTo(() => writeError(isOnError ? json : text));
  return known ? exitStatusOf(error.category) : EXIT.defect;
}

/** False if nobody reads any more, or the disk is full: the exit status still tells. */
function tryTo(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (failed) {
    if (failed instanceof ClosedPipe) return true;
    if (isPortmortemError(failed)) return false;
    throw failed;
  }
}

function jsonOf(error: Record<string, unknown>): string {
  return `${jsonText({ schema: "portmortem.error/1", error })}\n`;
}

function knownJson(error: PortmortemError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.errno === undefined ? {} : { errno: error.errno }),
  };
}

function knownText(error: PortmortemError): string {
  const lines = [`portmortem: ${escapeText(error.message)}`];
  if (error.input !== undefined && error.input.text !== "") {
    const before = escapeText(error.input.text.slice(0, error.input.at));
    lines.push(`  ${escapeText(error.input.text)}`, `  ${" ".repeat(textWidth(before))}^`);
  }
  if (error.hint !== undefined) lines.push(`  ${escapeText(error.hint)}`);
  return `${lines.join("\n")}\n`;
}

const REPORT = "this is a defect of portmortem: please report it with the lines below";

function defectJson(error: unknown): Record<string, unknown> {
  return { code: "PM_DEFECT", message: error instanceof Error ? error.message : String(error), hint: REPORT };
}

function defectText(error: unknown, argv: readonly string[]): string {
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const about = `portmortem ${version}, node ${process.version}, ${process.platform} ${process.arch}: ${argv.join(" ")}`;
  return `portmortem: ${REPORT}\n  ${escapeText(about)}\n${trace
    .split("\n")
    .map((line) => `  ${escapeText(line)}`)
    .join("\n")}\n`;
}
