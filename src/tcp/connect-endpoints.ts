/** Both ends of a connection as a user writes them: `db.example:5432`, `[::1]:80`; and from where, `10.0.0.9`, `10.0.0.9:600-1023`, `:1010`. */
import { PortmortemError } from "../base/errors.ts";
import { parseEndpoint, parsePort, scopedAddress } from "./endpoint.ts";
import { formatIp, isMapped, parseIp } from "./ip-address.ts";
import type { PortRange } from "./sysctl-values.ts";

/** An address with its scope, or a name to be looked up. */
export type RemoteEnd =
  | { readonly address: string; readonly port: number }
  | { readonly name: string; readonly port: number };

export interface LocalEnd {
  readonly address?: string;
  readonly ports?: PortRange;
}

/** What a name can be made of (RFC 1123, and the underscore that names of containers have). */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$/;

/** Throws PM_BAD_PORT, PM_BAD_ADDRESS or PM_AMBIGUOUS_ADDRESS. */
export function parseRemote(text: string): RemoteEnd {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon);
  const isName = colon > 0 && !host.includes(":") && NAME.test(host) && !/^[0-9.]+$/.test(host);
  if (isName) return { name: host, port: parsePort(text, colon + 1) };
  if (colon < 0 && NAME.test(text) && !/^[0-9.]+$/.test(text))
    throw new PortmortemError("PM_BAD_PORT", `"${text}" has no port`, {
      hint: `write ${text}:PORT`,
      input: { text, at: text.length },
    });
  const parsed = parseEndpoint(text);
  const address = scopedAddress(parsed);
  if (address === undefined)
    throw new PortmortemError("PM_BAD_ADDRESS", `"${text}" names no host to connect to`, {
      hint: "write HOST:PORT, as in 10.0.0.5:5432, [::1]:80 or db.example:5432",
      input: { text, at: 0 },
    });
  return { address: plainAddress(address), port: parsed.port };
}

/**
 * As the kernel takes it: 0.0.0.0 and :: are this machine's loopback (ip_route_connect, tcp_v6_connect), and an IPv4 address in IPv6 clothes
 * is that IPv4 address.
 */
export function plainAddress(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "::1";
  const bytes = parseIp(address)?.bytes;
  return bytes !== undefined && isMapped(bytes) ? formatIp(bytes.subarray(12)) : address;
}

/** ADDRESS, ADDRESS:PORT, ADDRESS:LOW-HIGH, :PORT or :LOW-HIGH. Throws as `parseRemote`. */
export function parseLocal(text: string): LocalEnd {
  const bare = text.replace(/^\[([^\]]*)\]$/, "$1");
  const whole = parseIp(bare);
  if (whole !== undefined) {
    const address = formatIp(whole.bytes);
    return { address: plainLocal(whole.scope === undefined ? address : `${address}%${whole.scope}`) };
  }
  const range = /^(.*:)(\d+)-(\d+)$/.exec(text);
  if (range !== null) {
    const [, host = "", low = "", high = ""] = range;
    const { address, ports } = parseOne(`${host}${low}`);
    const last = parsePort(text, host.length + low.length + 1);
    const first = ports!.first;
    if (first > last)
      throw new PortmortemError("PM_BAD_PORT", `"${low}-${high}" in "${text}" is empty`, {
        hint: `write ${host}${last}-${first}`,
        input: { text, at: host.length },
      });
    return { ...(address === undefined ? {} : { address }), ports: { first, last } };
  }
  return parseOne(text);
}

function parseOne(text: string): LocalEnd {
  if (!text.includes(":"))
    throw new PortmortemError("PM_BAD_ADDRESS", `"${text}" is not an address of this machine`, {
      hint: "write an address (10.0.0.9), with a port (10.0.0.9:1010) or several (10.0.0.9:600-1023), or :PORT",
      input: { text, at: 0 },
    });
  const parsed = parseEndpoint(text);
  const address = scopedAddress(parsed);
  const ports = { first: parsed.port, last: parsed.port };
  return address === undefined ? { ports } : { address: plainLocal(address), ports };
}

/** A wildcard is no choice of an address. */
function plainLocal(address: string): string {
  const bytes = parseIp(address)?.bytes;
  return bytes !== undefined && isMapped(bytes) ? formatIp(bytes.subarray(12)) : address;
}
