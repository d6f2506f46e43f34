/**
 * A program that has much to do and no hurry keeps out of the way: all its threads on one processor, with a low priority. Whoever is served
 * meanwhile finds the others as they were. docs/kernel/sock-destroy.md, "Beside others", has what it comes to.
 */
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";
import { loadLibc } from "./libc.ts";
import type { Libc } from "./libc.ts";

/** As nice(1) has it: a tenth of the processor where another program wants all of it. More would be to starve. */
const NICENESS = 10;
/** Processors that a mask has place for. */
const MOST_PROCESSORS = 8192;
/** So often it is looked whether the one processor is enough, */
const LOOK_MS = 200;
/** unless nobody looked for so long: then there was nothing to do, as while a question waits for its answer; */
const IDLE_MS = 2000;
/** and it is not where less of that time was ours: somebody else has it, and another one may be idle. */
const LEAST_SHARE = 0.15;

export interface StoodAside {
  /** To be called now and then while there is work. */
  look(): void;
}

/**
 * For the whole process and as long as it lasts: only a program does so, for itself. What it starts later inherits it. Nothing is thrown where
 * the system does not allow it.
 */
export function standAside(): StoodAside {
  for (const thread of threads()) lower(thread);
  const loaded = loadLibc();
  const release = "libc" in loaded ? keepToOne(loaded.libc) : undefined;
  return release === undefined ? { look: () => undefined } : createWatch(release, () => performance.now(), cpuMs);
}

/** V8 has helpers of its own, for which setpriority(2) of the process does nothing: on Linux it is an attribute of each thread. */
function threads(): number[] {
  try {
    return readdirSync("/proc/self/task").map(Number);
  } catch {
    return [0];
  }
}

function lower(thread: number): void {
  try {
    setPriority(thread, NICENESS);
  } catch {
    // It has ended, or was lower already.
  }
}

/** Answers how to go back to all the processors that there were. */
function keepToOne(libc: Libc): (() => void) | undefined {
  const before = new Uint8Array(MOST_PROCESSORS / 8);
  const size = libc.schedGetaffinity(0, before.length, before);
  const processor = libc.schedGetcpu();
  if (size < 0 || processor < 0 || processor >= MOST_PROCESSORS) return undefined;
  const only = new Uint8Array(before.length);
  only[processor >> 3] = 1 << (processor & 7);
  for (const thread of threads()) libc.schedSetaffinity(thread, only.length, only);
  return () => {
    for (const thread of threads()) libc.schedSetaffinity(thread, before.length, before);
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Calls `release` once too little of the time was ours. */
export function createWatch(release: () => void, nowMs: () => number, usedMs: () => number): StoodAside {
  let released = false;
  let since = nowMs();
  let used = usedMs();
  return {
    look() {
      const elapsed = nowMs() - since;
      if (released || elapsed < LOOK_MS) return;
      const now = usedMs();
      if (elapsed < IDLE_MS && now - used < elapsed * LEAST_SHARE) {
        released = true;
        release();
      }
      since += elapsed;
      used = now;
    },
  };
}
