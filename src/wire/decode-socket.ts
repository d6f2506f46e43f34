/** An answer of inet_diag as words: as a row for the many, as a Socket for whoever keeps it. Pure. */
import type { Protocol, Socket, TimerKind } from "../tcp/socket.ts";
import { createSocketRow, socketOfRow } from "../tcp/socket-row.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import type { AddressTexts } from "./address-texts.ts";
import { decodeCommonAttribute, decodeRareAttribute } from "./diag-attributes.ts";
import { AF_INET, AT, stateAtMessage } from "./inet-diag.ts";
import { LITTLE_ENDIAN, eachAttribute } from "./netlink.ts";

const TIMERS: readonly (TimerKind | undefined)[] = [
  undefined,
  "retransmit",
  "keepalive",
  "time-wait",
  "zero-window-probe",
  "delayed-ack",
];

export interface DecodeContext {
  readonly protocol: Protocol;
  readonly texts: AddressTexts;
  /** The name of a device by its index, or undefined when it is gone. */
  readonly interfaceName: (index: number) => string | undefined;
  readonly netns?: number;
}

/** One answer of the kernel, which `isDiagMessage` has accepted. Unknown attributes are skipped. */
export function decodeSocket(view: DataView, start: number, end: number, context: DecodeContext): Socket {
  const row = createSocketRow(context.protocol, context.netns);
  const whole = decodeRow(view, start, end, context.texts, row);
  const socket = socketOfRow(row);
  if (whole) return socket;
  const device = view.getUint32(start + AT.device, LITTLE_ENDIAN);
  if (device !== 0) socket.local = { ...socket.local, interface: context.interfaceName(device) ?? `if${device}` };
  eachAttribute(view, start + AT.attributes, end, (type, from, to) =>
    decodeRareAttribute(socket, type, view, from, to),
  );
  return socket;
}

/** Fills all of the row but `protocol` and `netns`, which no message tells. False: there is more to this socket than a row can say. */
export function decodeRow(view: DataView, start: number, end: number, texts: AddressTexts, row: SocketRow): boolean {
  const ipv4 = view.getUint8(start + AT.family) === AF_INET;
  const state = stateAtMessage(view, start) ?? "CLOSED";
  row.family = ipv4 ? "ipv4" : "ipv6";
  row.state = state;
  row.localAddress = ipv4 ? texts.ipv4(view, start + AT.src) : texts.ipv6(view, start + AT.src);
  row.localPort = view.getUint16(start + AT.sport, false);
  row.remotePort = view.getUint16(start + AT.dport, false);
  // A BOUND socket that was connected once keeps its old peer, and the kernel's filters see it.
  if (row.remotePort === 0 && (state === "LISTEN" || state === "BOUND")) row.remoteAddress = undefined;
  else row.remoteAddress = ipv4 ? texts.ipv4(view, start + AT.dst) : texts.ipv6(view, start + AT.dst);
  row.receiveQueue = view.getUint32(start + AT.rqueue, LITTLE_ENDIAN);
  row.sendQueue = view.getUint32(start + AT.wqueue, LITTLE_ENDIAN);
  row.timer = TIMERS[view.getUint8(start + AT.timer)];
  // The kernel's jiffies can be past: it then writes a wrapped negative number.
  row.remainingMs = Math.max(0, view.getInt32(start + AT.expires, LITTLE_ENDIAN));
  row.retransmits = view.getUint8(start + AT.retrans);
  row.inode = view.getUint32(start + AT.inode, LITTLE_ENDIAN);
  const uid = view.getUint32(start + AT.uid, LITTLE_ENDIAN);
  // Without an inode a uid of 0 says nothing: TIME-WAIT and request sockets have no owner to tell, and kernels up to 6.12 write 0 for
  // orphans (sock_i_uid). It would read as root.
  row.uid = row.inode === 0 && uid === 0 ? undefined : uid;
  row.cookieLow = view.getUint32(start + AT.cookie, LITTLE_ENDIAN);
  row.cookieHigh = view.getUint32(start + AT.cookie + 4, LITTLE_ENDIAN);
  if (row.activity !== undefined) row.activity.lastDataReceivedMs = row.activity.lastAckReceivedMs = undefined;
  row.shutdown = row.v6only = row.mark = row.cgroupId = row.options = undefined;
  const common = end - start <= AT.attributes || decodeAttributes(view, start + AT.attributes, end, row);
  return common && view.getUint32(start + AT.device, LITTLE_ENDIAN) === 0;
}

function decodeAttributes(view: DataView, start: number, end: number, row: SocketRow): boolean {
  let common = true;
  eachAttribute(view, start, end, (type, from, to) => {
    if (!decodeCommonAttribute(row, type, view, from, to)) common = false;
  });
  return common;
}
