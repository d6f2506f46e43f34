// What tests leave running. A test cleans up after itself: its programs end with it, whatever becomes of it. They are known by a name in their
// environment, which a child gets from its parent wherever it moves to.
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const MARK = "PORTMORTEM_TEST_RUN";
/** What was killed at a test's end may still be about to die. */
const DYING_MS = 10_000;
const LOOK_MS = 20;

/** All that this process starts from now on can be told by its environment. */
export function markWhatIsStarted() {
  process.env[MARK] = String(process.pid);
}

/** Kills those that have not ended, and answers who they are. */
export async function killLeftovers() {
  const deadline = Date.now() + DYING_MS;
  while (Date.now() < deadline && marked().length > 0) await sleep(LOOK_MS);
  return marked().map(({ pid, command }) => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended after all, late.
    }
    return `pid ${pid}: ${command}`;
  });
}

function marked() {
  const mark = `${MARK}=${process.pid}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!read(pid, "environ").split("\0").includes(mark)) return [];
        return [{ pid: Number(pid), command: read(pid, "cmdline").split("\0").join(" ").trim() }];
      } catch {
        return []; // It has just ended.
      }
    });
}

function read(pid, file) {
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}
