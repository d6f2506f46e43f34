/** struct sockaddr_in and sockaddr_in6 (netinet/in.h), to bytes. */
import { parseIp } from "../tcp/ip-address.ts";
import { LITTLE_ENDIAN } from "./netlink.ts";

const AF_INET = 2;
const AF_INET6 = 10;

/** The sockaddr of a numeric address; undefined when the text is none. `scopeIndex` is the device's index of a link-local address. */
export function encodeSockaddr(address: string, port: number, scopeIndex = 0): Uint8Array | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const ipv4 = ip.bytes.length === 4;
  const bytes = new Uint8Array(ipv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ipv4 ? AF_INET : AF_INET6, LITTLE_ENDIAN);
  view.setUint16(2, port, false);
  bytes.set(ip.bytes, ipv4 ? 4 : 8);
  if (!ipv4) view.setUint32(24, scopeIndex, LITTLE_ENDIAN);
  return bytes;
}
