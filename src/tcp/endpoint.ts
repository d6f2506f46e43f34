/** An address and a port as a user writes them: `49200`, `:49200`, `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `*:80`, `localhost:80`. */
import { type ErrorCode, PortmortemError } from "../base/errors.ts";
import { formatIp, parseIp, parseIpv6 } from "./ip-address.ts";

export interface ParsedEndpoint {
  /** Canonical text; left out where the user named none, or `*`. */
  readonly address?: string;
  readonly port: number;
  /** The device after `%`. */
  readonly scope?: string;
}

const HOW = "write a port (49200), or address and port (127.0.0.1:49200, [::1]:49200)";

/** Throws PM_BAD_PORT, PM_BAD_ADDRESS or PM_AMBIGUOUS_ADDRESS. Names are not resolved, save `localhost`, which is 127.0.0.1. */
export function parseEndpoint(text: string): ParsedEndpoint {
  const lastColon = text.lastIndexOf(":");
  if (text.startsWith("[")) return parseBracketed(text);
  if (lastColon < 0) return parseBare(text);
  const host = text.slice(0, lastColon);
  const port = text.slice(lastColon + 1);
  if (host.includes(":")) throw manyColons(text, host, port);
  if (host === "" || host === "*") return { port: parsePort(text, lastColon + 1) };
  if (host.toLowerCase() === "localhost") return { address: "127.0.0.1", port: parsePort(text, lastColon + 1) };
  const ip = parseIp(host);
  if (!ip) throw badHost(text, host);
  return { address: formatIp(ip.bytes), port: parsePort(text, lastColon + 1) };
}

/** The address with its scope, "fe80::1%eth0"; undefined where none was named. */
export function scopedAddress({ address, scope }: Pick<ParsedEndpoint, "address" | "scope">): string | undefined {
  return address === undefined || scope === undefined ? address : `${address}%${scope}`;
}

/** Brackets around IPv6, the scope where there is one. Without an address: `:80`. */
export function formatEndpoint(endpoint: ParsedEndpoint): string {
  const { port } = endpoint;
  const host = scopedAddress(endpoint) ?? "";
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseBare(text: string): ParsedEndpoint {
  if (parseIp(text))
    throw fail("PM_BAD_PORT", `"${text}" is an address without a port`, `write ${text}:PORT`, text, text.length);
  if (/[.]/.test(text) && /^[0-9.]+$/.test(text)) throw fail("PM_BAD_PORT", `"${text}" is not a port`, HOW, text, 0);
  return { port: parsePort(text, 0) };
}

function parseBracketed(text: string): ParsedEndpoint {
  const close = text.indexOf("]");
  if (close < 0) throw fail("PM_BAD_ADDRESS", `"${text}" has no closing bracket`, "write [::1]:80", text, text.length);
  const inside = text.slice(1, close);
  const ip = parseIp(inside);
  if (!ip || ip.bytes.length === 4) {
    const hint = ip
      ? `write ${inside}${text.slice(close + 1)}`
      : "write an IPv6 address between the brackets, as in [::1]:80";
    throw fail("PM_BAD_ADDRESS", `"${inside}" in "${text}" is not an IPv6 address`, hint, text, 1);
  }
  const address = formatIp(ip.bytes);
  if (close === text.length - 1)
    throw fail("PM_BAD_PORT", `"${text}" has no port`, `write ${text}:PORT`, text, text.length);
  if (text[close + 1] !== ":") {
    const hint = `write ${text.slice(0, close + 1)}:PORT`;
    throw fail("PM_BAD_ADDRESS", `"${text}" needs a colon after the bracket`, hint, text, close + 1);
  }
  const port = parsePort(text, close + 2);
  return ip.scope === undefined ? { address, port } : { address, port, scope: ip.scope };
}

/** 1 to 65535, decimal, from `at` to the end. Throws PM_BAD_PORT. */
export function parsePort(text: string, at: number): number {
  const word = text.slice(at);
  const whole = word === text ? `"${text}"` : `"${word}" in "${text}"`;
  if (word === "")
    throw fail("PM_BAD_PORT", text === "" ? "the port is empty" : `"${text}" has no port`, HOW, text, at);
  if (word === "*") throw fail("PM_BAD_PORT", `${whole} is every port, and one is needed`, HOW, text, at);
  if (!/^[0-9]+$/.test(word)) {
    throw fail("PM_BAD_PORT", `${whole} is not a port number`, "a port is a number from 1 to 65535", text, at);
  }
  if (/^0+$/.test(word)) {
    throw fail(
      "PM_BAD_PORT",
      "port 0 is no port: to bind it asks the kernel to choose one",
      "a port is a number from 1 to 65535",
      text,
      at,
    );
  }
  if (word.startsWith("0"))
    throw fail("PM_BAD_PORT", `${whole} starts with a zero`, `write ${word.replace(/^0+/, "")}`, text, at);
  const port = Number(word);
  if (port > 65535)
    throw fail("PM_BAD_PORT", `port ${word} is too large`, "a port is a number from 1 to 65535", text, at);
  return port;
}

/** More than one colon and no brackets: say both readings, where there are two. */
function manyColons(text: string, host: string, port: string): PortmortemError {
  const [bareText, scope] = text.split("%", 2);
  const whole = parseIpv6(bareText ?? text) !== undefined && scope === undefined;
  const split = parseIp(host) !== undefined && /^[0-9]+$/.test(port);
  if (whole && split) {
    const hint = `write [${host}]:${port} if port ${port} was meant, or [${text}]:PORT if all of it is the address`;
    return fail("PM_AMBIGUOUS_ADDRESS", `"${text}" can be read in two ways`, hint, text, text.lastIndexOf(":"));
  }
  if (split)
    return fail(
      "PM_AMBIGUOUS_ADDRESS",
      `"${text}" needs brackets around the address`,
      `write [${host}]:${port}`,
      text,
      0,
    );
  if (parseIp(text))
    return fail(
      "PM_AMBIGUOUS_ADDRESS",
      `"${text}" is an address without a port`,
      `write [${text}]:PORT`,
      text,
      text.length,
    );
  return fail("PM_BAD_ADDRESS", `"${text}" is neither a port nor an address and a port`, HOW, text, 0);
}

function badHost(text: string, host: string): PortmortemError {
  if (/^[0-9.]+$/.test(host)) {
    return fail(
      "PM_BAD_ADDRESS",
      `"${host}" in "${text}" is not an IPv4 address`,
      "write four numbers from 0 to 255, as in 127.0.0.1:80",
      text,
      0,
    );
  }
  const hint = "names are not looked up (only localhost is known): write the address, as in 127.0.0.1:80";
  return fail("PM_BAD_ADDRESS", `"${host}" in "${text}" is not an IP address`, hint, text, 0);
}

function fail(code: ErrorCode, message: string, hint: string, text: string, at: number): PortmortemError {
  return new PortmortemError(code, message, { hint, input: { text, at } });
}
