/** What a guard can answer for: computed from what was really set. Pure. */
import type { GuardBound, GuardOption, GuardOptions, GuardReport, GuardSetting } from "./guard-options.ts";

type Settings = Readonly<Partial<Record<GuardOption, GuardSetting>>>;

/** A timer of the kernel may be late by an eighth of its time (the wheel of kernel/time/timer.c). */
const LATE = 9 / 8;
/** The user timeout runs from the first retransmission, and that is 200 ms and a round trip after the data (RFC 6298; TCP_RTO_MIN). */
const FIRST_RETRANSMISSION_MS = 1000;

const QUIET = "a quiet connection is asked nothing: keepAlive, heartbeat or idleTimeoutMs would end it";
const IN_FLIGHT =
  "data in flight stops keepalive, and is sent again until net.ipv4.tcp_retries2 (about 924 s): userTimeoutMs, heartbeat or idleTimeoutMs would end it";

/** `lookMs`: how often the guard itself looks. */
export function reportOf(
  options: GuardOptions,
  lookMs: number,
  kernel: Settings,
  now: Omit<GuardReport, "options" | "bound">,
): GuardReport {
  const { heartbeat, idleTimeoutMs } = options;
  const settings: Settings = {
    ...kernel,
    ...(heartbeat === undefined ? {} : { heartbeat: { by: "guard", value: heartbeat.everyMs } }),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs: { by: "guard", value: idleTimeoutMs } }),
  };
  const heartbeatMs =
    heartbeat === undefined || now.withoutHeartbeat > 0 ? undefined : heartbeat.everyMs + heartbeat.timeoutMs + lookMs;
  const idleMs = idleTimeoutMs === undefined ? undefined : idleTimeoutMs + 2 * lookMs;
  return { ...now, options: settings, bound: boundOf(settings, least(heartbeatMs, idleMs)) };
}

function boundOf(settings: Settings, guardMs: number | undefined): GuardBound {
  const userTimeoutMs = settings.userTimeoutMs?.value;
  const keepAliveMs = keepAliveBound(settings, userTimeoutMs);
  const inFlightMs = userTimeoutMs === undefined ? undefined : userTimeoutMs * LATE + FIRST_RETRANSMISSION_MS;
  // The worst: the program writes just before keepalive would have ended it.
  const both = keepAliveMs === undefined || inFlightMs === undefined ? undefined : keepAliveMs + inFlightMs;
  const quietMs = least(keepAliveMs, guardMs);
  const unacknowledgedMs = least(inFlightMs, guardMs);
  const why = [...(quietMs === undefined ? [QUIET] : []), ...(unacknowledgedMs === undefined ? [IN_FLIGHT] : [])];
  return { ms: least(both, guardMs), quietMs, unacknowledgedMs, why };
}

/** tcp_keepalive_timer() of net/ipv4/tcp_timer.c: looks after `idle` and then every `interval`; a user timeout stands in for the count. */
function keepAliveBound(settings: Settings, userTimeoutMs: number | undefined): number | undefined {
  const idleMs = settings.keepAliveIdleMs?.value;
  const intervalMs = settings.keepAliveIntervalMs?.value;
  if (idleMs === undefined || intervalMs === undefined) return undefined;
  const probes =
    userTimeoutMs === undefined
      ? settings.keepAliveProbes?.value
      : Math.max(1, Math.ceil((userTimeoutMs - idleMs) / intervalMs));
  return probes === undefined ? undefined : (idleMs + intervalMs * probes) * LATE;
}

function least(...values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.ceil(Math.min(...known));
}
