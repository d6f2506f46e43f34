/** Ends one socket by its whole identity (SOCK_DESTROY): what has no descriptor cannot be closed. */
import { errnoName } from "../../../src/base/errno.ts";
import type { Libc } from "../../../src/host/linux/libc.ts";
import { NetlinkSocket } from "../../../src/host/linux/netlink-socket.ts";
import { parseIp } from "../../../src/tcp/ip-address.ts";
import type { Socket } from "../../../src/tcp/socket.ts";
import { encodeDiagRequest } from "../../../src/wire/inet-diag.ts";
import { LITTLE_ENDIAN, NLM_F_ACK, NLM_F_REQUEST, decodeErrno, encodeMessage } from "../../../src/wire/netlink.ts";

const SOCK_DESTROY = 21;

/** "ok", or an errno's name. `interfaceIndex`: of the device that the socket is bound to. */
export function destroySocket(libc: Libc, socket: Socket, interfaceIndex: number): string {
  const netlink = NetlinkSocket.open(libc);
  if ("errno" in netlink) return netlink.errno;
  try {
    const body = encodeDiagRequest({
      family: socket.family,
      protocol: socket.protocol,
      kernelStates: 0,
      localPort: socket.local.port,
      remotePort: socket.remote?.port ?? 0,
      identity: {
        local: sixteen(socket.local.address),
        remote: sixteen(socket.remote?.address ?? "::"),
        interfaceIndex,
        cookie: BigInt(socket.cookie ?? "0"),
      },
    });
    netlink.send(encodeMessage({ type: SOCK_DESTROY, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: 1 }, body));
    const buffer = new Uint8Array(4096);
    const length = netlink.receive(buffer);
    if (length < 0) return errnoName(-length);
    const view = new DataView(buffer.buffer, 0, length);
    if (view.getUint16(4, LITTLE_ENDIAN) !== 2) return "EPROTO";
    const errno = decodeErrno(view, 0, length) ?? 71;
    return errno === 0 ? "ok" : errnoName(errno);
  } finally {
    netlink.close();
  }
}

function sixteen(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(parseIp(address)?.bytes ?? []);
  return bytes;
}
