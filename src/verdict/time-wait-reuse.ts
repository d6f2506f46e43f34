/**
 * May a connection take the place of a TIME-WAIT with the same four addresses and ports? The rule of tcp_twsk_unique(), which connect()
 * asks in __inet_check_established(); docs/kernel/connect.md has the experiments. Pure.
 */
import type { ConnectSnapshot } from "../tcp/connect-snapshot.ts";
import { isLoopbackAddress } from "./address-scope.ts";

/** TCP_TIMEWAIT_LEN, a constant of the kernel. */
export const TIME_WAIT_MS = 60_000;
/** Before net.ipv4.tcp_tw_reuse_delay (6.14): the next tick of a clock of seconds. */
const DELAY_MS = 1000;

export interface TimeWaitReuse {
  /** Undefined: it hangs on a setting that could not be read. */
  readonly helps: boolean | undefined;
  /** So long after the TIME-WAIT began. */
  readonly afterMs: number;
  readonly text: string;
}

export function judgeReuse({ question, source, inForce, settings }: ConnectSnapshot): TimeWaitReuse {
  const { timestamps, timeWaitReuse: mode } = settings;
  if (timestamps === false)
    return {
      helps: false,
      afterMs: 0,
      text: "TIME-WAIT is never taken again: net.ipv4.tcp_timestamps is 0, and only timestamps tell old packets from new",
    };
  if (inForce?.choice === "bind")
    return {
      helps: timestamps,
      afterMs: 0,
      text: "connect() of a bound socket takes a TIME-WAIT again at once, whatever tcp_tw_reuse says; the bind() before it needs SO_REUSEADDR on both sockets",
    };
  const afterMs = settings.timeWaitReuseDelayMs ?? DELAY_MS;
  const setting = mode === undefined ? "net.ipv4.tcp_tw_reuse" : `net.ipv4.tcp_tw_reuse=${mode}`;
  if (mode === undefined) return { helps: undefined, afterMs, text: `${setting} cannot be read here` };
  if (mode === 0) return { helps: false, afterMs, text: `${setting}: a TIME-WAIT is never taken again` };
  const after = `${afterMs} ms after it began, by ${setting}`;
  const loopback =
    isLoopbackAddress(question.remote.address) || ("address" in source && isLoopbackAddress(source.address));
  if (mode === 2 && !loopback) {
    if ("unknown" in source) return { helps: undefined, afterMs, text: `${setting}: for loopback addresses only` };
    return {
      helps: false,
      afterMs,
      text: `${setting} takes a TIME-WAIT again on loopback addresses only, and this is none`,
    };
  }
  if (timestamps === undefined)
    return { helps: undefined, afterMs, text: "net.ipv4.tcp_timestamps cannot be read here" };
  const which = mode === 2 ? "a TIME-WAIT on a loopback address" : "a TIME-WAIT with timestamps";
  return { helps: true, afterMs, text: `${which} is taken again ${after}` };
}

/** How long until the kernel takes it again, 0 for now; undefined: not before its end. */
export function reusableInMs(endsInMs: number, { helps, afterMs }: TimeWaitReuse): number | undefined {
  if (helps !== true) return undefined;
  // Its age must be more than the delay. A TIME-WAIT that began anew is older than it looks here, never younger.
  const age = TIME_WAIT_MS - endsInMs;
  return age > afterMs || afterMs === 0 ? 0 : Math.min(endsInMs, afterMs - age + 1);
}
