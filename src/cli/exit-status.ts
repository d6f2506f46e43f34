/** The exit statuses of docs/cli.md, and which category of error has which. The only place that knows them. */
import type { ErrorCategory } from "../base/errors.ts";

export const EXIT = { ok: 0, no: 1, usage: 2, right: 3, system: 4, partial: 5, defect: 70 } as const;

export function exitStatusOf(category: ErrorCategory): number {
  return EXIT[category];
}
