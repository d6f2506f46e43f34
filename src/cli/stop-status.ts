/** How `run --stop` and `--stop-all` end. */
import type { StopRunsResult } from "../tcp/run-record.ts";
import { EXIT } from "./exit-status.ts";

export function statusOfStop({ stopped, notFound, failed }: StopRunsResult): number {
  if (notFound.length === 0 && failed.length === 0) return EXIT.ok;
  if (stopped.length > 0) return EXIT.partial;
  if (failed.length === 0) return EXIT.no;
  return notFound.length === 0 && failed.every(({ lacks }) => lacks === "right") ? EXIT.right : EXIT.partial;
}
