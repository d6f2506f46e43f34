/** What `ss -Htaneo` prints, line by line, as words of ours. iproute2's misc/ss.c: inet_show_sock(), tcp_show_details(), print_ms_timer(). */
import type { Socket, TimerKind } from "../../src/tcp/socket.ts";
import { STATES } from "../../src/tcp/states.ts";

/** The fields that both show; a listener's queues are its accept queue and backlog. */
export interface SsSocket {
  readonly cookie: string;
  readonly state: string;
  readonly local: string;
  readonly remote: string;
  readonly queues: readonly [number, number];
  readonly uid: number;
  readonly inode: number;
  readonly v6only: boolean | undefined;
  readonly mark: number;
  readonly timer: { readonly kind: TimerKind; readonly ms: number; readonly retransmits: number } | undefined;
}

const TIMERS: Readonly<Record<string, TimerKind>> = {
  on: "retransmit",
  keepalive: "keepalive",
  timewait: "time-wait",
  persist: "zero-window-probe",
  unknown: "delayed-ack",
};

/** Where the filter names one state only, ss leaves the column out: it is then the filter's. */
export function parseSs(output: string, filter: string): SsSocket[] {
  return output
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => (/^\d/.test(line) ? parseLine(`${onlyState(filter)} ${line}`) : parseLine(line)));
}

function onlyState(filter: string): string {
  const word = /^state ([a-z0-9-]+)/.exec(filter)?.[1];
  const state = STATES.find(({ ss, also }) => ss === word || (also as readonly string[]).includes(word ?? ""));
  return state?.name ?? "?";
}

function parseLine(line: string): SsSocket {
  const [state = "", receive = "", send = "", local = "", remote = "", ...rest] = line.trim().split(/\s+/);
  const value = (name: string): string | undefined =>
    rest.find((word) => word.startsWith(`${name}:`))?.slice(name.length + 1);
  const v6only = value("v6only");
  return {
    cookie: `0x${(value("sk") ?? "").padStart(16, "0")}`,
    state: nameOf(state),
    local,
    remote,
    queues: [Number(receive), Number(send)],
    uid: Number(value("uid") ?? 0),
    inode: Number(value("ino") ?? 0),
    v6only: v6only === undefined ? undefined : v6only === "1",
    mark: Number(value("fwmark") ?? 0),
    timer: parseTimer(value("timer")),
  };
}

function nameOf(short: string): string {
  return STATES.find((state) => state.short === short)?.name ?? short;
}

/** "(timewait,59sec,0)", "(keepalive,119min,0)", "(on,1.200ms,3)": the last is 1 200 ms. */
function parseTimer(text: string | undefined): SsSocket["timer"] {
  const match = /^\((\w+),(?:(\d+)min)?(?:(?:(\d+)\.)?(\d+)ms|(\d+)sec)?,(\d+)\)$/.exec(text ?? "");
  if (match === null) {
    if (text !== undefined) throw new Error(`a timer of ss that is not understood: ${text}`);
    return undefined;
  }
  const [, kind = "", minutes, wholeSeconds, ms, seconds, retransmits] = match;
  const total = Number(minutes ?? 0) * 60_000 + Number(seconds ?? wholeSeconds ?? 0) * 1000 + Number(ms ?? 0);
  return { kind: TIMERS[kind] ?? "delayed-ack", ms: total, retransmits: Number(retransmits) };
}

/** One of ours as ss would show it. */
export function asSs(socket: Socket): SsSocket {
  const { queues, timer } = socket;
  return {
    cookie: socket.cookie ?? "",
    state: socket.state,
    local: endpoint(socket, "local"),
    remote: endpoint(socket, "remote"),
    queues:
      queues === undefined
        ? [0, 0]
        : "accepting" in queues
          ? [queues.accepting, queues.backlog ?? 0]
          : [queues.receiveBytes, queues.sendBytes],
    uid: socket.uid ?? 0,
    inode: socket.inode ?? 0,
    v6only: socket.v6only,
    mark: socket.mark ?? 0,
    timer:
      timer === undefined ? undefined : { kind: timer.kind, ms: timer.remainingMs, retransmits: timer.retransmits },
  };
}

/** A dual-stack wildcard is `*`; ss takes a socket as dual-stack when nobody said V6ONLY. */
function endpoint(socket: Socket, side: "local" | "remote"): string {
  const wildcard = socket.family === "ipv4" ? "0.0.0.0" : "::";
  const { address, port } = socket[side] ?? { address: wildcard, port: 0 };
  const device = side === "local" && socket.local.interface !== undefined ? `%${socket.local.interface}` : "";
  const shown = !address.includes(":") ? address : address === "::" && socket.v6only !== true ? "*" : `[${address}]`;
  return `${shown}${device}:${port === 0 ? "*" : port}`;
}
