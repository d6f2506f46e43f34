/**
 * What sd_notify(3) and sd_watchdog_enabled(3) read in the environment, and what is sent: text to bytes. Pure. The order of the checks and what
 * is an error are those of libsystemd (src/libsystemd/sd-daemon/sd-daemon.c).
 */
import { LITTLE_ENDIAN } from "./netlink.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export type NotifyAddress =
  | { readonly kind: "none" }
  /** struct sockaddr_un, as long as it has to be: in the abstract namespace every byte counts. */
  | { readonly kind: "unix"; readonly bytes: Uint8Array }
  | { readonly kind: "unusable"; readonly why: string };

const AF_UNIX = 1;
/** sizeof(sun_path) of unix(7), the zero at its end included. */
const PATH_BYTES = 108;

/** NOTIFY_SOCKET: an absolute path, or @ and a name of the abstract namespace. */
export function notifyAddress(text: string | undefined): NotifyAddress {
  if (text === undefined || text === "") return { kind: "none" };
  if (text.startsWith("vsock:"))
    return { kind: "unusable", why: "NOTIFY_SOCKET is a vsock address, which is not supported" };
  if (!/^[/@]./.test(text))
    return { kind: "unusable", why: `NOTIFY_SOCKET is neither a path nor an abstract name: ${text}` };
  const isAbstract = text.startsWith("@");
  // libsystemd leaves the last byte free for abstract names too.
  const isTooLong = new TextEncoder().encode(text).length + 1 > PATH_BYTES;
  const path = new TextEncoder().encode(isAbstract ? `\0${text.slice(1)}` : `${text}\0`);
  if (isTooLong || (!isAbstract && text.includes("\0")))
    return { kind: "unusable", why: `NOTIFY_SOCKET is too long for an address: ${text}` };
  const bytes = new Uint8Array(2 + path.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  bytes.set(path, 2);
  return { kind: "unix", bytes };
}

export type Watchdog =
  | { readonly kind: "none" }
  /** It must hear of this process at least as often. */
  | { readonly kind: "wanted"; readonly intervalMs: number }
  | { readonly kind: "unusable"; readonly why: string };

/** Of no interest where WATCHDOG_PID names another process: it was left in the environment for its children. */
export function watchdogOf(env: Environment, pid: number): Watchdog {
  const text = env["WATCHDOG_USEC"];
  if (text === undefined) return { kind: "none" };
  const us = /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;
  if (us === 0n || us >= 0xffff_ffff_ffff_ffffn)
    return { kind: "unusable", why: `WATCHDOG_USEC is no number of microseconds: ${text}` };
  const of = env["WATCHDOG_PID"];
  if (of !== undefined && !/^[1-9]\d{0,9}$/.test(of)) return { kind: "unusable", why: `WATCHDOG_PID is no pid: ${of}` };
  if (of !== undefined && Number(of) !== pid) return { kind: "none" };
  return { kind: "wanted", intervalMs: Number(us) / 1000 };
}

/** `NAME=value` lines. A value is one line: whatever would end it is a space. */
export function encodeNotification(fields: Readonly<Record<string, string | number | bigint>>): Uint8Array {
  const lines = Object.entries(fields).map(
    ([name, value]) => `${name}=${String(value).replace(/[\0-\x1f\x7f]+/g, " ")}`,
  );
  return new TextEncoder().encode(lines.join("\n"));
}
