/** Addresses in a filter: ss's HOST SYNTAX, `[FAMILY:]ADDRESS[/PREFIX][:PORT]`, with brackets, scopes and bare IPv6 where it is clear. */
import { formatIp, type IpText, maskIp, parseIp, parseIpv4 } from "../ip-address.ts";
import type { Cursor } from "./cursor.ts";
import { familyPrefix } from "./family-prefix.ts";
import { ALL, allOf, type Filter, portRange, type Side } from "./filter.ts";
import { shown } from "./filter-error.ts";
import type { ParseOptions } from "./parse-options.ts";
import { parsePort } from "./parse-port.ts";

/** The pieces of the text; empty where not written. */
interface HostParts {
  readonly address: string;
  readonly prefix?: string;
  readonly port?: string;
}

const EVERY = new Set(["", "*", "any", "all", "default"]);

export function parseHost(cursor: Cursor, side: Side, options: ParseOptions): Filter {
  const word = cursor.takeWord("an address");
  const { family, rest } = familyPrefix(cursor, word);
  if (rest === "" && family === undefined) return cursor.fail(word.at, "the address is empty");
  const { address, prefix, port } = splitHost(cursor, rest, word.at);
  const parts: Filter[] = family === undefined ? [] : [{ kind: "family", family }];
  if (!EVERY.has(address.toLowerCase())) {
    const host = hostFilter(cursor, side, address, prefix, word.at);
    const [named] = host;
    if (family !== undefined && named?.kind === "host" && named.address.includes(":") !== (family === "ipv6")) {
      return cursor.fail(word.at, `${shown(address)} is not of the family that ${shown(word.text)} begins with`);
    }
    parts.push(...host);
  } else if (prefix !== undefined)
    return cursor.fail(word.at, `${shown(word.text)} has a prefix length and no address`);
  if (port !== undefined && port !== "" && port !== "*") {
    const at = word.quoted ? word.at : word.at + word.text.length - port.length;
    const range = parsePort(cursor, port, at, options);
    parts.push(portRange(side, range.from, range.to));
  }
  return parts.length === 0 ? ALL : allOf(parts);
}

function hostFilter(cursor: Cursor, side: Side, address: string, prefix: string | undefined, at: number): Filter[] {
  const ip = parseIp(address.toLowerCase() === "localhost" ? "127.0.0.1" : address) ?? shortIpv4(address, prefix);
  if (ip === undefined) {
    const hint =
      /^[a-z_]/i.test(address) && !address.includes(":")
        ? "names are not looked up (only localhost is known)"
        : "write 10.1.2.3, 10.0.0.0/8, [::1] or *";
    return cursor.fail(at, `${shown(address)} is not an IP address`, hint);
  }
  const most = ip.bytes.length * 8;
  const prefixLength = prefix === undefined ? most : (lengthOfPrefix(prefix) ?? -1);
  if (prefixLength < 0 || prefixLength > most) {
    return cursor.fail(at, `${shown(`/${prefix ?? ""}`)} is not a prefix length`, `write a number from 0 to ${most}`);
  }
  // The bits after the prefix are not looked at: without them, equal filters are equal trees.
  const host: Filter = { kind: "host", side, address: formatIp(maskIp(ip.bytes, prefixLength)), prefixLength };
  return ip.scope !== undefined ? [host, { kind: "device", device: ip.scope }] : [host];
}

function splitHost(cursor: Cursor, text: string, at: number): HostParts {
  if (text.startsWith("[")) {
    const match: (string | undefined)[] | null = /^\[([^\]/]*)(?:\/([^\]]*))?\](?:\/([^:]*))?(?::(.*))?$/s.exec(text);
    if (!match || (match[2] !== undefined && match[3] !== undefined)) {
      const hint = "write [::1], [::1]:80, [fd00::/16] or [fd00::]/16:80";
      return cursor.fail(
        at,
        text.includes("]") ? `${shown(text)} is not an address` : `${shown(text)} has no closing bracket`,
        hint,
      );
    }
    const [, address = "", inside, outside, port] = match;
    const prefix = inside ?? outside;
    return { address, ...(prefix === undefined ? {} : { prefix }), ...(port === undefined ? {} : { port }) };
  }
  const slash = text.indexOf("/");
  if (slash >= 0) {
    const [prefix, port, more]: readonly (string | undefined)[] = text.slice(slash + 1).split(":");
    if (more !== undefined) return cursor.fail(at, `${shown(text)} has more than one port`);
    return { address: text.slice(0, slash), prefix: prefix ?? "", ...(port === undefined ? {} : { port }) };
  }
  const colon = text.lastIndexOf(":");
  if (colon < 0) return { address: text };
  const split = { address: text.slice(0, colon), port: text.slice(colon + 1) };
  if (!split.address.includes(":")) return split;
  return bareIpv6(cursor, text, split, at);
}

/** Without brackets `::1:80` has two readings. ss takes the last part for a port; a wrong guess is silent, so here it is refused. */
function bareIpv6(cursor: Cursor, text: string, split: { address: string; port: string }, at: number): HostParts {
  const whole = parseIp(text) !== undefined;
  const divided = parseIp(split.address) !== undefined;
  if (whole && divided && /^[0-9]{1,5}$/.test(split.port)) {
    const hint = `write [${split.address}]:${split.port} if port ${split.port} was meant, or [${text}] if all of it is the address`;
    return cursor.fail(at, `${shown(text)} can be read in two ways`, hint);
  }
  return whole || !divided ? { address: text } : split;
}

/** ss's `10/8` and `172.16/12`: missing parts are zero, but only where a prefix length shows that it is a network. */
function shortIpv4(address: string, prefix: string | undefined): IpText | undefined {
  if (prefix === undefined || !/^\d{1,3}(\.\d{1,3}){0,2}$/.test(address)) return undefined;
  const bytes = parseIpv4(address + ".0".repeat(4 - address.split(".").length));
  return bytes && { bytes };
}

/** A number of bits, or a netmask such as 255.0.0.0. */
function lengthOfPrefix(text: string): number | undefined {
  if (/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return Number(text);
  const mask = parseIpv4(text);
  if (mask === undefined) return undefined;
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? (bits.indexOf("0") < 0 ? 32 : bits.indexOf("0")) : undefined;
}
