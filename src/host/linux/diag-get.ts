/** One socket, asked for by its whole identity. With the cookie a vanished socket is ENOENT; without it, the port's listener would answer. */
import { parseIp } from "../../tcp/ip-address.ts";
import type { Socket } from "../../tcp/socket.ts";
import { AddressTexts } from "../../wire/address-texts.ts";
import { decodeSocket } from "../../wire/decode-socket.ts";
import type { DecodeContext } from "../../wire/decode-socket.ts";
import { EXTENSIONS_DETAILS, SOCK_DIAG_BY_FAMILY, encodeDiagRequest, isDiagMessage } from "../../wire/inet-diag.ts";

import { LITTLE_ENDIAN, NLMSG_HEADER_BYTES, NLM_F_REQUEST, encodeMessage } from "../../wire/netlink.ts";
import type { SocketId } from "../host.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

export interface GetContext extends Pick<DecodeContext, "interfaceName" | "netns"> {
  readonly interfaceIndex: number;
}

export function getByNetlink(
  open: () => NetlinkSocket | { readonly errno: string },
  id: SocketId,
  context: GetContext,
): Socket | undefined {
  const request = encodeExactGet(id, context.interfaceIndex);
  if (request === undefined) return undefined;
  const socket = open();
  if ("errno" in socket) return undefined;
  try {
    if (
      socket.send(
        encodeMessage({ type: SOCK_DIAG_BY_FAMILY, flags: NLM_F_REQUEST, sequence: socket.nextSequence() }, request),
      ) < 0
    )
      return undefined;
    const buffer = new Uint8Array(8192);
    const length = socket.receive(buffer);
    const view = new DataView(buffer.buffer);
    if (length < NLMSG_HEADER_BYTES || view.getUint16(4, LITTLE_ENDIAN) !== SOCK_DIAG_BY_FAMILY) return undefined;
    const end = view.getUint32(0, LITTLE_ENDIAN);
    if (end > length || !isDiagMessage(view, 0, end)) return undefined;
    return decodeSocket(view, 0, end, {
      protocol: id.protocol,
      texts: new AddressTexts(),
      interfaceName: context.interfaceName,
      ...(context.netns === undefined ? {} : { netns: context.netns }),
    });
  } finally {
    socket.close();
  }
}

/** Undefined when the identity has no numeric address or no cookie. */
function encodeExactGet(id: SocketId, interfaceIndex: number): Uint8Array | undefined {
  const local = sixteenBytes(id.local.address);
  const remote = id.remote === undefined ? new Uint8Array(16) : sixteenBytes(id.remote.address);
  if (local === undefined || remote === undefined || !/^0x[0-9a-f]{1,16}$/.test(id.cookie)) return undefined;
  const cookie = BigInt(id.cookie);
  // UDP is looked up as a datagram from `local` to `remote` would be: "src and dst are swapped for historical reasons" (udp_dump_one).
  const swapped = id.protocol === "udp";
  return encodeDiagRequest({
    family: id.family,
    protocol: id.protocol,
    kernelStates: 0xffffffff,
    extensions: EXTENSIONS_DETAILS,
    localPort: swapped ? (id.remote?.port ?? 0) : id.local.port,
    remotePort: swapped ? id.local.port : (id.remote?.port ?? 0),
    identity: {
      local: swapped ? remote : local,
      remote: swapped ? local : remote,
      interfaceIndex,
      cookie,
    },
  });
}

function sixteenBytes(address: string): Uint8Array | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(ip.bytes);
  return bytes;
}
