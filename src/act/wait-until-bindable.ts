/**
 * `wait` as a function: asks why, waits for what is in the way to go, and proves it with a bind. A bind is tried when there is a reason to
 * believe that it works, not again and again: each one holds the port for some microseconds, and could be in the way of the very program
 * that is to have it.
 */
import { requireKnownOptions } from "../ask/known-options.ts";
import { askClosely } from "../ask/why.ts";
import { requestFor } from "../ask/bind-request.ts";
import type { BindOptions, EndpointInput } from "../ask/bind-request.ts";
import type { BindAttempt, Host } from "../host/host.ts";
import { bindAttempt } from "../inspect/bind-facts.ts";
import type { Why } from "../verdict/why.ts";
import { refuseRecording } from "./acting-host.ts";
import { BlockerWatch } from "./blocker-watch.ts";
import { sleep } from "./sleep.ts";

export interface WaitOptions extends BindOptions {
  /** Give up after this long; left out: never. */
  readonly timeoutMs?: number;
  /** Called at every look, some twenty times a second: with the last answer, and when the last of its blockers ends, if that is known. */
  readonly onWaiting?: (answer: Why, freeInMs: number | undefined) => void;
}

/** So long a look at all that is in the way may keep the next one waiting: it costs a walk of /proc. */
const REST_FACTOR = 5;
const SHORTEST_REST_MS = 100;
/** A bind to an address that no device has yet. */
const ADDRESS_STEP_MS = 250;
/** Without the means to bind, by the rules. */
const BY_RULES_STEP_MS = 500;

const OPTIONS = ["host", "netns", "reuseAddr", "reusePort", "user", "onProgress", "signal", "timeoutMs", "onWaiting"];

/**
 * The answer of why() once the port can be bound; or, when the time is up or waiting cannot help (a missing right), that it cannot.
 * Throws what why() throws, PM_REPLAY_READ_ONLY, and the signal's reason.
 */
export async function waitUntilBindable(endpoint: EndpointInput, options: WaitOptions = {}): Promise<Why> {
  const started = Date.now();
  const { timeoutMs, onWaiting, signal, ...whyOptions } = options;
  signal?.throwIfAborted();
  requireKnownOptions("waitUntilBindable()", options, OPTIONS);
  refuseRecording(options.host);
  const { host, request } = requestFor(endpoint, whyOptions, true);
  const deadline = timeoutMs === undefined ? Infinity : started + timeoutMs;
  const watch = new BlockerWatch(host);
  try {
    for (;;) {
      const asked = Date.now();
      // Each time another look at the machine: a host remembers what it has read.
      const { snapshot, verdict } = await askClosely(host.again(), request, signal);
      const answer = verdict.why;
      const answered = Date.now();
      if (answer.bindable || !canEnd(answer) || answered >= deadline) return answer;
      const restsUntil = answered + Math.max(SHORTEST_REST_MS, REST_FACTOR * (answered - asked));
      const bind = bindAttempt(snapshot.question);
      watch.start(answer);
      for (;;) {
        onWaiting?.(answer, watch.freeInMs());
        await sleep(Math.min(stepMs(answer, watch), deadline - Date.now()), signal);
        const now = Date.now();
        if (now >= deadline) break;
        const look = watch.look();
        if (look === "wait") continue;
        if (tryBind(host, bind) === "ok") break;
        // Something went and the port is still taken: by what?
        if (look === "changed" && now >= restsUntil) break;
      }
    }
  } finally {
    watch.close();
  }
}

/** A right or an address family does not come by waiting; an address can. */
function canEnd({ attempts }: Why): boolean {
  const result = attempts[0]?.result;
  return result === "EADDRINUSE" || result === "EADDRNOTAVAIL" || result === "unknown";
}

function stepMs({ attempts }: Why, watch: BlockerWatch): number {
  if (attempts[0]?.by === "rules") return BY_RULES_STEP_MS;
  return attempts[0]?.result === "EADDRNOTAVAIL" ? ADDRESS_STEP_MS : watch.stepMs();
}

function tryBind(host: Host, attempt: BindAttempt): string {
  const answer = host.probeBind(attempt);
  return "result" in answer ? answer.result : "unknown";
}
