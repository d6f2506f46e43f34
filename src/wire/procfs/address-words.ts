/** Addresses as /proc/net writes them: in hexadecimal, IPv4 as a number in the host's byte order, IPv6 of if_inet6 as plain bytes. */
import { formatIp } from "../../tcp/ip-address.ts";

/** `0100007F` on a little-endian host is 127.0.0.1. */
export function wordText(hex: string, littleEndian: boolean): string {
  return formatIp(wordBytes(hex, littleEndian));
}

/** The length of a network mask; undefined for one with holes. */
export function maskLengthOf(hex: string, littleEndian: boolean): number | undefined {
  let length = 0;
  let ended = false;
  for (const byte of wordBytes(hex, littleEndian)) {
    for (let bit = 7; bit >= 0; bit--) {
      if (((byte >> bit) & 1) === 0) ended = true;
      else if (ended) return undefined;
      else length++;
    }
  }
  return length;
}

/** 32 digits, two for each byte in network order. */
export function bytesText(hex: string): string {
  const bytes = new Uint8Array(16);
  for (let index = 0; index < 16; index++) bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  return formatIp(bytes);
}

function wordBytes(hex: string, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, Number.parseInt(hex, 16), littleEndian);
  return bytes;
}
