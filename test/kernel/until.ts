/** Waiting for a condition, never for luck: it is looked at every few milliseconds until it holds, and a deadline names what did not come. */
import { setTimeout as sleep } from "node:timers/promises";

const STEP_MS = 4;

/** Answers the first value that is neither undefined nor false. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 30_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`did not come within ${deadlineMs} ms: ${what}`);
    await sleep(STEP_MS);
  }
}
