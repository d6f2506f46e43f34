/** Network devices of the calling thread's namespace, by ioctl: sysfs shows those of the namespace in which it was mounted. */
import { readFileSync } from "node:fs";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import type { NetworkInterface } from "../host.ts";
import { AF_INET, SIOCGIFINDEX, SIOCGIFNAME, SOCK_CLOEXEC, SOCK_DGRAM } from "./constants.ts";
import type { Libc } from "./libc.ts";

/** struct ifreq: 16 bytes of name, then a union of at most 24. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

export function interfaceNameOf(libc: Libc, index: number): string | undefined {
  const request = new Uint8Array(IFREQ_BYTES);
  new DataView(request.buffer).setInt32(NAME_BYTES, index, LITTLE_ENDIAN);
  if (!askDevice(libc, SIOCGIFNAME, request)) return undefined;
  return new TextDecoder().decode(request.subarray(0, NAME_BYTES)).replace(/\0.*$/s, "");
}

export function interfaceIndexOf(libc: Libc, name: string): number | undefined {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length >= NAME_BYTES) return undefined;
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(bytes);
  return askDevice(libc, SIOCGIFINDEX, request)
    ? new DataView(request.buffer).getInt32(NAME_BYTES, LITTLE_ENDIAN)
    : undefined;
}

function askDevice(libc: Libc, question: number, request: Uint8Array): boolean {
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    return libc.ioctl(fd, question, request) === 0;
  } finally {
    libc.close(fd);
  }
}

/** Every device, from /proc/thread-self/net/dev (which follows the thread's namespace). */
export function listInterfaces(libc: Libc | undefined, procNet: string): NetworkInterface[] {
  let text: string;
  try {
    text = readFileSync(`${procNet}/dev`, "latin1");
  } catch {
    return [];
  }
  const found: NetworkInterface[] = [];
  for (const line of text.split("\n").slice(2)) {
    const colon = line.lastIndexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim();
    const index = libc === undefined ? undefined : interfaceIndexOf(libc, name);
    if (index !== undefined) found.push({ name, index });
  }
  return found;
}
