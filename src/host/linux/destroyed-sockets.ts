/**
 * Sockets as they end: the multicast groups of sock_diag (sock_diag_broadcast_destroy). The kernel tells of every full socket that is freed,
 * so also of a connection at the moment when it becomes a TIME-WAIT; not of the end of a TIME-WAIT. Needs no right; each network
 * namespace has groups of its own.
 */
import { errnoName } from "../../base/errno.ts";
import { formatCookie } from "../../tcp/socket-row.ts";
import { AT, SOCK_DIAG_BY_FAMILY, cookieWords, isDiagMessage } from "../../wire/inet-diag.ts";
import { LITTLE_ENDIAN, NLMSG_HEADER_BYTES, align4 } from "../../wire/netlink.ts";
import type { DestroyedReport, DestroyedSockets } from "../actions.ts";
import { EAGAIN, ENOBUFS } from "./constants.ts";
import type { Libc } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

/** SKNLGRP_INET_TCP_DESTROY 1, INET_UDP 2, INET6_TCP 3, INET6_UDP 4 (include/uapi/linux/sock_diag.h). */
const ALL_GROUPS = 0b1111;

export function followDestroyed(libc: Libc): DestroyedSockets | { readonly errno: string } {
  const socket = NetlinkSocket.open(libc);
  if ("errno" in socket) return socket;
  const joined = socket.join(ALL_GROUPS);
  if (joined < 0) {
    socket.close();
    return { errno: errnoName(-joined) };
  }
  const buffer = new Uint8Array(8192);
  return { read: () => readReports(socket, buffer), close: () => socket.close() };
}

function readReports(socket: NetlinkSocket, buffer: Uint8Array): DestroyedReport {
  const sockets: { localPort: number; cookie: string }[] = [];
  let lost = false;
  for (;;) {
    const length = socket.receiveNow(buffer);
    if (length === -ENOBUFS) lost = true;
    else if (length <= 0) return { sockets, lost: lost || (length < 0 && length !== -EAGAIN) };
    else readMessages(new DataView(buffer.buffer), length, sockets);
  }
}

function readMessages(view: DataView, length: number, sockets: { localPort: number; cookie: string }[]): void {
  for (let at = 0; length - at >= NLMSG_HEADER_BYTES;) {
    const size = view.getUint32(at, LITTLE_ENDIAN);
    if (size < NLMSG_HEADER_BYTES || at + size > length) return;
    if (view.getUint16(at + 4, LITTLE_ENDIAN) === SOCK_DIAG_BY_FAMILY && isDiagMessage(view, at, at + size)) {
      const { low, high } = cookieWords(view, at);
      sockets.push({ localPort: view.getUint16(at + AT.sport, false), cookie: formatCookie(high, low) });
    }
    at += align4(size);
  }
}
