/**
 * What a terminal sends (Ctrl-C), or systemd to all of a service, reaches the program and this process at once; but who watches signals here is
 * called after all that the same turn of the loop has brought, the program's end among it (uv__io_poll()).
 */
import type { ProgramEnd } from "../host/keeping.ts";

/** A program that ended by it, itself or as a shell tells it (128 + n): the same signal may still be on its way to us. */
const SENT_TO_ALL = new Set<string | number>(["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", 129, 130, 131, 143]);
const ON_ITS_WAY_MS = 50;

/** Settles when signals that had come before this end have been heard. */
export async function hearLateSignals(end: ProgramEnd, waitFor: (ms: number) => Promise<void>): Promise<void> {
  // The rest of this turn, and a whole one.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  if (SENT_TO_ALL.has("signal" in end ? end.signal : end.status)) await waitFor(ON_ITS_WAY_MS);
}
