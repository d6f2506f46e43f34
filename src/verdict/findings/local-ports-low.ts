/** Local ports towards one destination: connect() fails with EADDRNOTAVAIL when all of them are taken. */
import { countText, durationText } from "../../base/duration.ts";
import type { DestinationUse, HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { formatEndpoint } from "../../tcp/endpoint.ts";
import { parseSysctlPortRange } from "../../tcp/sysctl-values.ts";
import { TIME_WAIT_MS } from "../time-wait-reuse.ts";
import { widerPortRange } from "../wide-port-range.ts";
import type { Advice } from "../why.ts";
import { clearTimeWait } from "./drop-command.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { watchedMs } from "./growth.ts";
import { isTimeWaitReused } from "./time-wait-reused.ts";
import { usableLocalPorts } from "./usable-local-ports.ts";

/** What is left is then gone within seconds of a burst: at the rate that filled four fifths in a minute, in fifteen seconds. */
const LOW = 0.8;
/** connect() finds the last free port, too; but ports that others have bound without listening are not counted here, and are skipped. */
const GONE = 0.99;
/** Only a growth that started before the second look can be told from noise: half of the ports, and they end within the hour. */
const HALF = 0.5;
const SOON_MS = 3_600_000;
const TIME_WAIT_SECONDS = TIME_WAIT_MS / 1000;

const RANGE = "net.ipv4.ip_local_port_range";

export const LOCAL_PORTS_LOW: FindingDefinition = {
  code: "local-ports-low",
  title: "Local ports towards one destination run out",
  about: {
    meaning: [
      "A connection needs a local port that no other one to the same address and port has; those in TIME-WAIT count unless tcp_tw_reuse gives them out again: 1 all, 2 (the default) only over loopback, a second after they ended. Reserved and bound ports are skipped. So ports/60 new connections a second can be kept up.",
      "critical: 99 % are taken, connect() gives EADDRNOTAVAIL or is about to. warning: 80 %, or half and (--watch) the rest lasts less than an hour.",
    ],
    remedy: [
      "Use connections again (a pool, keep-alive); let the peer close first; a wider ip_local_port_range; tcp_tw_reuse=1; more local or remote addresses.",
    ],
    sources: ["__inet_hash_connect, tcp_twsk_unique; ip(7); RFC 6056"],
  },
  find: (snapshot) => snapshot.now.destinations.flatMap((use) => judge(snapshot, use)),
};

function judge(snapshot: HealthSnapshot, use: DestinationUse): Finding[] {
  const usable = usableLocalPorts(snapshot);
  if (usable === undefined || usable === 0) return [];
  const reused = isTimeWaitReused(snapshot, [use.localAddress, use.remote.address]);
  const takenIn = ({ open, timeWait }: DestinationUse): number => open + (reused ? 0 : timeWait);
  const taken = takenIn(use);
  const share = taken / usable;
  const growth = growthPerSecond(snapshot, use, takenIn);
  const free = Math.max(0, usable - taken);
  const endsInMs = growth === undefined || growth <= 0 ? undefined : Math.round((free / growth) * 1000);
  const level =
    share >= GONE
      ? "critical"
      : share >= LOW || (share >= HALF && endsInMs !== undefined && endsInMs <= SOON_MS)
        ? "warning"
        : undefined;
  if (level === undefined) return [];

  const to = formatEndpoint(use.remote);
  const sustained = usable / TIME_WAIT_SECONDS;
  const closed = use.timeWait / TIME_WAIT_SECONDS;
  const rate = reused
    ? "On this path TIME-WAIT is used again, so these are open connections."
    : `About ${perSecond(closed)} connections a second are closed by this side, and ${perSecond(sustained)} can be kept up.`;
  const end =
    endsInMs === undefined || free === 0
      ? ""
      : ` ${perSecond(growth ?? 0)} more are taken each second: the rest lasts ${durationText(endsInMs)}.`;
  return [
    {
      code: "local-ports-low",
      level,
      title: `local ports to ${to}: ${countText(taken)} of ${countText(usable)} taken`,
      text: `From ${use.localAddress}, ${countText(use.open)} are open and ${countText(use.timeWait)} in TIME-WAIT. ${rate}${end}${level !== "critical" ? "" : free === 0 ? " connect() fails with EADDRNOTAVAIL." : " When the last are taken, connect() fails with EADDRNOTAVAIL."}`,
      evidence: {
        remote: { address: use.remote.address, port: use.remote.port },
        localAddress: use.localAddress,
        portsUsable: usable,
        portsTaken: taken,
        open: use.open,
        timeWait: use.timeWait,
        timeWaitIsReused: reused,
        closedPerSecond: rounded(closed),
        ...(reused ? {} : { sustainablePerSecond: rounded(sustained) }),
        ...(growth === undefined ? {} : { grownPerSecond: rounded(growth), watchedMs: watchedMs(snapshot) ?? 0 }),
        ...(endsInMs === undefined ? {} : { endsInMs }),
      },
      advice: adviceFor(snapshot, use, reused),
    },
  ];
}

/** Over one look at the least of a second: less than that is the noise of single connections. */
function growthPerSecond(
  { before, ...snapshot }: HealthSnapshot,
  use: DestinationUse,
  takenIn: (use: DestinationUse) => number,
): number | undefined {
  const elapsedMs = before === undefined ? 0 : snapshot.now.atMs - before.atMs;
  if (before === undefined || elapsedMs < 1000) return undefined;
  const earlier = before.destinations.find(
    ({ localAddress, remote }) =>
      localAddress === use.localAddress && remote.address === use.remote.address && remote.port === use.remote.port,
  );
  return ((takenIn(use) - (earlier === undefined ? 0 : takenIn(earlier))) * 1000) / elapsedMs;
}

function adviceFor(snapshot: HealthSnapshot, use: DestinationUse, reused: boolean): Advice[] {
  const { settings, rootPrefix } = snapshot;
  const advice: Advice[] = [{ text: "use connections again: a pool, an HTTP agent with keep-alive", costs: "nothing" }];
  if (use.timeWait > use.open && !reused && settings["net.ipv4.tcp_timestamps"] !== "0")
    advice.push({
      text: "let connect() take ports again that have been in TIME-WAIT for a second (both sides need TCP timestamps)",
      command: `${rootPrefix}sysctl -w net.ipv4.tcp_tw_reuse=1`,
      costs: "nothing",
    });
  if (use.timeWait > 0 && !reused) advice.push(...clearTimeWait(snapshot, use.remote, use.localAddress));
  const range = parseSysctlPortRange(settings[RANGE]);
  const wider = range === undefined ? undefined : widerPortRange(range);
  if (wider !== undefined)
    advice.push({
      text: "a wider range of local ports; reserve those in it that servers of yours need (ip_local_reserved_ports)",
      command: `${rootPrefix}sysctl -w ${RANGE}="${wider.value}"`,
      costs: "nothing",
    });
  advice.push({ text: "each further local or remote address gives as many ports again", costs: "nothing" });
  return advice;
}

function rounded(number: number): number {
  return Math.round(number * 10) / 10;
}

function perSecond(number: number): string {
  return number < 10 ? String(rounded(number)) : countText(Math.round(number));
}
