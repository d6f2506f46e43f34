/** struct sockaddr_in and sockaddr_in6 (netinet/in.h), and sockaddr_un (sys/un.h), to bytes and back. */
import { formatIp, parseIp } from "../tcp/ip-address.ts";
import { LITTLE_ENDIAN } from "./netlink.ts";

const AF_UNIX = 1;
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

/** The longest that the kernel takes (unix_validate_addr() in net/unix/af_unix.c): the family and 108 bytes, a zero at the end or none. */
export const MOST_UNIX_BYTES = 110;

/** `path` in the bytes of the file system, without a zero in it. Undefined: it is empty or too long. */
export function encodeUnixSockaddr(path: Uint8Array): Uint8Array | undefined {
  if (path.length === 0 || path.length + 2 > MOST_UNIX_BYTES) return undefined;
  const bytes = new Uint8Array(path.length + 2);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  bytes.set(path, 2);
  return bytes;
}

export type Sockaddr =
  | { readonly family: "ipv4" | "ipv6"; readonly address: string; readonly port: number; readonly scopeIndex: number }
  /** `path` in the bytes of the file system; empty: the name is abstract, or none. */
  | { readonly family: "unix"; readonly path: Uint8Array };

/** The longest address that any family has (struct sockaddr_storage). */
export const MOST_SOCKADDR_BYTES = 128;
/** The kernel takes a sockaddr_in6 without its last field, the scope (SIN6_LEN_RFC2133 in include/net/ipv6.h). */
const LEAST_IPV6_BYTES = 24;

/** Undefined: another family, or shorter than the kernel takes it. What follows the struct is ignored, as the kernel does. */
export function decodeSockaddr(bytes: Uint8Array): Sockaddr | undefined {
  if (bytes.length < 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (view.getUint16(0, LITTLE_ENDIAN)) {
    case AF_INET:
      if (bytes.length < 16) return undefined;
      return { family: "ipv4", address: formatIp(bytes.subarray(4, 8)), port: view.getUint16(2, false), scopeIndex: 0 };
    case AF_INET6: {
      if (bytes.length < LEAST_IPV6_BYTES) return undefined;
      const scopeIndex = bytes.length < 28 ? 0 : view.getUint32(24, LITTLE_ENDIAN);
      return { family: "ipv6", address: formatIp(bytes.subarray(8, 24)), port: view.getUint16(2, false), scopeIndex };
    }
    case AF_UNIX: {
      const end = bytes.indexOf(0, 2);
      return { family: "unix", path: bytes.slice(2, end < 0 ? bytes.length : end) };
    }
    default:
      return undefined;
  }
}
