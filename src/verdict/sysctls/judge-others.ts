/** When a setting of closing, ports or listeners is set in a harmful way, or in vain. Pure. */
import { isLoopbackAddress } from "../address-scope.ts";
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { parseSysctlPortList, parseSysctlPortRange } from "../../tcp/sysctl-values.ts";
import { portsLeft } from "../reserved-ports.ts";
import { computedDefault, harmful, noEffect } from "./judgement.ts";
import type { Judge } from "./judgement.ts";
import { judgeLimit } from "./judge-time-wait.ts";

/** Each port is blocked for 60 s of TIME-WAIT after use: 1 000 are 16 connections a second to one peer. */
const TOO_FEW_PORTS = 1000;
/** 68 connections a second to one peer. */
const FEW_PORTS = 4096;
/** (2^(n+1) - 1) * 200 ms: 1.4 s for 2, a hiccup of a mobile network. */
const ORPHANS_CUT_OFF = 2;
/** What 0 stands for (tcp_orphan_retries). */
const ORPHAN_RETRIES_MEANT = 8;
/** 924 s: as long as a living program would be kept waiting. */
const ORPHANS_FOR_LONG = 15;
/** 100 s, the least that RFC 1122 section 4.2.3.5 allows. */
const RFC_1122_RETRIES = 8;
/** 6.2 s: shorter than the restart of a switch or the failover of a router. */
const HASTY_RETRIES = 5;

export const OTHER_JUDGES: Readonly<Record<string, Judge>> = {
  "net.ipv4.tcp_keepalive_time": (value) =>
    Number(value) > 7200
      ? harmful(
          "info",
          `a dead peer is first looked for after ${value} s; most firewalls have forgotten the connection by then`,
          "7200",
        )
      : undefined,

  "net.ipv4.tcp_keepalive_probes": (value) =>
    Number(value) <= 1
      ? harmful(
          "warning",
          value === "0"
            ? "idle connections with keepalive are reset without a single probe"
            : "a single lost packet ends a healthy idle connection",
          "9",
        )
      : undefined,

  "net.ipv4.tcp_retries2": (value) => {
    const retries = Number(value);
    if (retries >= RFC_1122_RETRIES) return undefined;
    return harmful(
      retries < HASTY_RETRIES ? "warning" : "info",
      `every connection with unacknowledged data ends after ${retransmitSeconds(retries)} s without an answer; RFC 1122 asks for 100 s at least`,
      "15",
    );
  },

  "net.ipv4.tcp_orphan_retries": (value) => {
    const retries = Number(value);
    const seconds = retransmitSeconds(retries);
    if (retries > 0 && retries < ORPHAN_RETRIES_MEANT)
      return harmful(
        retries <= ORPHANS_CUT_OFF ? "warning" : "info",
        `what a program wrote just before it closed is lost after ${seconds} s without an answer`,
        "0",
      );
    if (retries > ORPHAN_RETRIES_MEANT)
      return harmful(
        retries >= ORPHANS_FOR_LONG ? "warning" : "info",
        `closed connections to vanished peers stay for ${seconds} s`,
        "0",
      );
    return undefined;
  },

  "net.ipv4.tcp_max_orphans": (value, snapshot) =>
    judgeLimit(value, snapshot, {
      name: "net.ipv4.tcp_max_orphans",
      counter: "TcpExt.TCPAbortOnMemory",
      beyond: "closed connections are reset, and what they had still to send is lost",
    }),

  "net.ipv4.ip_local_port_range": (value) => {
    const range = parseSysctlPortRange(value);
    if (range === undefined) return undefined;
    if (range.first < 1024)
      return harmful(
        "warning",
        `outgoing connections take ports from ${range.first} on, where services have theirs`,
        "32768 60999",
      );
    const ports = range.last - range.first + 1;
    if (ports >= FEW_PORTS) return undefined;
    return harmful(
      ports < TOO_FEW_PORTS ? "warning" : "info",
      `${ports} local ports are ${ports < 600 ? (ports / 60).toFixed(1) : Math.floor(ports / 60)} new connections a second to one peer, as each is blocked for 60 s after use`,
      "32768 60999",
    );
  },

  "net.ipv4.ip_local_reserved_ports": (value, snapshot) => {
    const range = parseSysctlPortRange(snapshot.settings["net.ipv4.ip_local_port_range"]);
    const reserved = parseSysctlPortList(value);
    if (range === undefined || reserved === undefined) return undefined;
    const left = portsLeft(range, reserved);
    // A range that is narrow by itself is judged there.
    if (left >= TOO_FEW_PORTS || range.last - range.first + 1 < TOO_FEW_PORTS) return undefined;
    return harmful("warning", `only ${left} ports of ip_local_port_range are left for outgoing connections`, "");
  },

  "net.core.somaxconn": (value, snapshot) => {
    const most = Number(value);
    const usual = Number(computedDefault("net.core.somaxconn", snapshot));
    if (most < usual)
      return harmful(
        most < 128 ? "warning" : "info",
        `no listener gets a backlog of more than ${most}, whatever it asks for`,
        String(usual),
      );
    const asked = mostAsked(snapshot);
    return most > usual && asked !== undefined && asked <= usual
      ? noEffect(`no listener has asked for more than ${asked}: raising it alone changes no queue`)
      : undefined;
  },

  "net.ipv4.tcp_max_syn_backlog": (value, snapshot) => {
    if (snapshot.settings["net.ipv4.tcp_syncookies"] === "0")
      return Number(value) < 128
        ? harmful("warning", `without SYN cookies a listener takes ${value} handshakes at once at most`, "1024")
        : undefined;
    return isSet(snapshot, "net.ipv4.tcp_max_syn_backlog", value)
      ? noEffect("with SYN cookies on it is not read: the listener's backlog is the limit of its handshakes")
      : undefined;
  },

  "net.ipv4.tcp_syncookies": (value, snapshot) => {
    if (value === "2")
      return harmful(
        "info",
        "every handshake is answered with a cookie, and loses TCP options: this is for tests",
        "1",
      );
    if (value !== "0") return undefined;
    const open = snapshot.listeners.some(({ socket }) => !isLoopbackAddress(socket.local.address));
    return harmful(
      open ? "warning" : "info",
      "as many forged SYNs as a listener's backlog is long keep everybody else out of it",
      "1",
    );
  },

  "net.ipv4.tcp_abort_on_overflow": (value) =>
    value === "0"
      ? undefined
      : harmful(
          "warning",
          "clients get ECONNRESET when an accept queue is full for a moment, where they would have been served a little later",
          "0",
        ),
};

/** tcp_model_timeout() with the least first timeout of 200 ms: what N retransmissions stand for, in seconds. */
export function retransmitSeconds(retries: number): number {
  const doublings = Math.min(retries, 9);
  return Math.round(((2 << doublings) - 1) * 2 + (retries - doublings) * 1200) / 10;
}

/** The longest backlog of all listeners; undefined when none is known. */
function mostAsked({ listeners }: HealthSnapshot): number | undefined {
  const backlogs = listeners.flatMap(({ socket }) =>
    socket.queues !== undefined && "backlog" in socket.queues && socket.queues.backlog !== undefined
      ? [socket.queues.backlog]
      : [],
  );
  return backlogs.length === 0 ? undefined : Math.max(...backlogs);
}

/** Somebody set it: it differs from the default, or where that is not known, a file says so. */
function isSet(snapshot: HealthSnapshot, name: string, value: string): boolean {
  const usual = computedDefault(name, snapshot);
  return usual === undefined ? snapshot.configured.some((line) => line.name === name) : usual !== value;
}
