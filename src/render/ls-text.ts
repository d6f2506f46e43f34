/** `ls` for a person. */
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { STATES } from "../tcp/states.ts";
import { countText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";
import type { SortKey } from "./sort-keys.ts";
import { endpointText, ownersText, queuesText, timerText } from "./socket-text.ts";
import type { Style } from "./style.ts";
import { hang, layTable, wrapParts } from "./text-layout.ts";
import type { Column } from "./text-layout.ts";

const RANK = new Map<string, number>(
  [
    "LISTEN",
    "BOUND",
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "CLOSE-WAIT",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
    "CLOSED",
  ].map((state, rank) => [state, rank]),
);

/** Sorts in place: by the key, then by state, port and peer, so that the same sockets come in the same order each time. */
export function sortSockets(sockets: Socket[], key: SortKey): Socket[] {
  if (key === "none") return sockets;
  const by = COMPARE[key];
  return sockets.sort(
    (a, b) => by(a, b) || COMPARE.state(a, b) || COMPARE.port(a, b) || COMPARE.local(a, b) || COMPARE.peer(a, b),
  );
}

const COMPARE: Record<Exclude<SortKey, "none">, (a: Socket, b: Socket) => number> = {
  state: (a, b) => RANK.get(a.state)! - RANK.get(b.state)!,
  port: (a, b) => a.local.port - b.local.port,
  local: (a, b) => text(a.local.address, b.local.address) || a.local.port - b.local.port,
  peer: (a, b) =>
    text(a.remote?.address ?? "", b.remote?.address ?? "") || (a.remote?.port ?? 0) - (b.remote?.port ?? 0),
  process: (a, b) => text(ownersText(a), ownersText(b)),
  queue: (a, b) => queued(b) - queued(a),
  timer: (a, b) => (a.timer?.remainingMs ?? Infinity) - (b.timer?.remainingMs ?? Infinity) || 0,
};

function text(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function queued({ queues }: Socket): number {
  if (queues === undefined) return 0;
  return "accepting" in queues ? queues.accepting : queues.receiveBytes + queues.sendBytes;
}

export interface LsView {
  readonly style: Style;
  /** Columns of the terminal; left out on a pipe. */
  readonly width?: number;
  readonly owners: boolean;
  readonly udp: boolean;
  readonly info: boolean;
}

export function renderSockets(sockets: readonly Socket[], view: LsView): string {
  if (sockets.length === 0) return "no sockets match\n";
  const columns: Column[] = [
    ...(view.udp ? [{ title: "PROTO" }] : []),
    { title: "STATE" },
    // What is cut of an address is its start: the port is what is looked for.
    { title: "LOCAL", shrinkTo: 8, cutAt: "start" },
    { title: "REMOTE", shrinkTo: 8, cutAt: "start", spare: 3 },
    { title: "QUEUE", align: "right", spare: 1 },
    { title: "TIMER", shrinkTo: 5, spare: 2 },
    ...(view.owners ? [{ title: "PROCESS", shrinkTo: 7 }] : []),
  ];
  const rows = sockets.map((socket) => [
    ...(view.udp ? [socket.protocol] : []),
    socket.state,
    endpointText(socket.local, socket.v6only),
    socket.remote === undefined ? "" : endpointText(socket.remote),
    queuesText(socket),
    timerText(socket),
    ...(view.owners ? [ownersText(socket)] : []),
  ]);
  const lines = layTable(columns, rows, view.width, view.style.ellipsis);
  const out = [view.style.dim(lines[0]!)];
  for (let index = 0; index < sockets.length; index++) {
    out.push(paint(lines[index + 1]!, sockets[index]!, view.style));
    const facts = view.info ? infoParts(sockets[index]!) : [];
    if (facts.length > 0) out.push(view.style.dim(wrapParts("    ", facts, view.width ?? Infinity)));
  }
  return `${out.join("\n")}\n`;
}

function paint(line: string, socket: Socket, style: Style): string {
  switch (socket.state) {
    case "LISTEN":
      return style.good(line);
    case "CLOSE-WAIT":
    case "FIN-WAIT-2":
      return style.warn(line);
    case "TIME-WAIT":
      return style.dim(line);
    default:
      return line;
  }
}

function infoParts(socket: Socket): string[] {
  const { info, memory } = socket;
  const parts: string[] = [];
  const say = (label: string, value: number | string | undefined, unit = ""): void => {
    if (value !== undefined) parts.push(`${label} ${value}${unit}`);
  };
  say("cc", socket.congestion === undefined ? undefined : escapeText(socket.congestion));
  say("ulp", socket.ulp === undefined ? undefined : escapeText(socket.ulp));
  if (info !== undefined && socket.state !== "LISTEN") {
    say("rtt", info.rttUs === undefined ? undefined : info.rttUs / 1000, " ms");
    say("rto", info.retransmitTimeoutUs === undefined ? undefined : info.retransmitTimeoutUs / 1000, " ms");
    say("cwnd", info.congestionWindow);
    say("mss", info.sendMssBytes);
    say("sent", info.sentBytes ?? info.ackedBytes, " B");
    say("received", info.receivedBytes, " B");
    say("unacked", info.unackedSegments === 0 ? undefined : info.unackedSegments);
    say("retransmitted", info.totalRetransSegments === 0 ? undefined : info.totalRetransSegments);
    say("last sent", info.lastDataSentMs, " ms ago");
    say("last received", info.lastDataReceivedMs, " ms ago");
  }
  say("rcvbuf", memory?.receiveBufferBytes, " B");
  say("sndbuf", memory?.sendBufferBytes, " B");
  say("drops", memory?.drops === 0 ? undefined : memory?.drops);
  return parts;
}

export function renderCounts(
  counts: readonly { readonly key: string; readonly count: number }[],
  total: number,
  style: Style,
): string {
  if (total === 0) return "no sockets match\n";
  const known = new Set<string>(STATES.map(({ name }) => name));
  const rows = counts.map(({ key, count }) => [known.has(key) ? key : escapeText(key), countText(count)]);
  const lines = layTable(
    [{ title: "" }, { title: "", align: "right" }],
    [...rows, ["total", countText(total)]],
    undefined,
  ).slice(1);
  return `${lines.map((line, index) => (index === lines.length - 1 ? style.bold(line) : line)).join("\n")}\n`;
}

/** What could not be seen, for stderr. */
export function renderIncomplete(incomplete: readonly Incomplete[], style: Style, width = Infinity): string {
  return incomplete
    .map(({ what, why, hint }) => {
      const text = escapeText(`${what}: ${why}${hint === undefined ? "" : `; ${hint}`}`);
      return `${hang(`${style.warn("not seen:")} `, text, width)}\n`;
    })
    .join("");
}
