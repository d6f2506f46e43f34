/** An option that is a length of time. */
import { PortmortemError } from "../base/errors.ts";
import { parseDuration } from "../base/parse-duration.ts";

/** Milliseconds; undefined where the option was not given. Throws PM_USAGE. */
export function durationOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new PortmortemError("PM_USAGE", `${option} ${JSON.stringify(text)} is no length of time`, {
    hint: "write 30 (seconds), 500ms, 2m or 1h",
  });
}
