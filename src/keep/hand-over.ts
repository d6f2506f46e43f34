/** When a program that was started beside another can take its place. */
import type { Life } from "./life.ts";
import type { ModeSockets } from "./mode-sockets.ts";

const LOOK_MS = 20;
/** So long a program has to begin to accept. */
const MOST_MS = 60_000;
/** It took over some of it, and then nothing more for so long: the rest it does not use. */
const SETTLED_MS = 2000;
/** A program of which nobody can tell what it accepts has begun well if it lives so long. Connections wait meanwhile, for both. */
const LIVED_MS = 1000;

/** Settles when it is; answers why not, and undefined for yes. */
export async function isReady(life: Life, sockets: ModeSockets): Promise<string | undefined> {
  const startedAtMs = performance.now();
  let isOver = false;
  void life.over.then(() => (isOver = true));
  let before: string | undefined;
  let changedAtMs = startedAtMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const now = performance.now();
    if (isOver) return "the new program has ended";
    const taken = sockets.takenOverBy(life.number);
    if (taken !== before) changedAtMs = now;
    before = taken;
    if (taken === "all") return undefined;
    if (taken === "some" && now - changedAtMs >= SETTLED_MS) return undefined;
    if (taken === undefined && now - startedAtMs >= LIVED_MS) return undefined;
    if (now - startedAtMs >= MOST_MS) return `the new program has not begun to listen within ${MOST_MS / 1000} s`;
  }
}
