/**
 * IP addresses as text and as bytes (4 or 16, network order). Reads what RFC 4291 section 2.2 allows and nothing looser (no `1.2.3`, no
 * `01.2.3.4`: C libraries read those as octal or fill them up, which hides typing mistakes). Writes RFC 5952's canonical form, the only
 * form in which sockets carry addresses here, so that equal addresses are equal strings.
 */

/** The parts of an address as a user writes it: `fe80::1%eth0` has a scope. */
export interface IpText {
  readonly bytes: Uint8Array;
  readonly scope?: string;
}

export function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  return readIpv4(text, 0, bytes, 0) ? bytes : undefined;
}

/** Without a scope id; `parseIp` reads that. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  const end = text.length;
  let at = 0;
  let written = 0;
  let gap = -1; // where "::" stands, in bytes
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < end) {
    if (written === 16) return undefined;
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text.charCodeAt(at)); digit >= 0; digit = hexDigit(text.charCodeAt(at))) {
      group = group * 16 + digit;
      at += 1;
      if (at - start > 4 || at === end) break;
    }
    if (text[at] === ".") {
      if (written > 12 || !readIpv4(text, start, bytes, written)) return undefined;
      written += 4;
      at = end;
      break;
    }
    if (at === start || at - start > 4) return undefined;
    bytes[written] = group >> 8;
    bytes[written + 1] = group & 0xff;
    written += 2;
    if (at === end) break;
    if (text[at] !== ":") return undefined;
    at += 1;
    if (text[at] === ":") {
      if (gap >= 0) return undefined;
      gap = written;
      at += 1;
    } else if (at === end) return undefined; // a single colon at the end
  }
  if (gap < 0) return written === 16 ? bytes : undefined;
  if (written === 16) return undefined; // "::" stands for at least one group
  bytes.copyWithin(16 - (written - gap), gap, written);
  bytes.fill(0, gap, 16 - (written - gap));
  return bytes;
}

/** Either family; a scope id only after an IPv6 address. */
export function parseIp(text: string): IpText | undefined {
  if (!text.includes(":")) {
    const bytes = parseIpv4(text);
    return bytes && { bytes };
  }
  const percent = text.indexOf("%");
  const bytes = parseIpv6(percent < 0 ? text : text.slice(0, percent));
  if (!bytes) return undefined;
  if (percent < 0) return { bytes };
  const scope = text.slice(percent + 1);
  return isScope(scope) ? { bytes, scope } : undefined;
}

/** What a device can be called (dev_valid_name of net/core/dev.c), or its index. */
export function isScope(text: string): boolean {
  return /^[^\s/:%[\]]{1,15}$/.test(text) && text !== "." && text !== "..";
}

export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4Bytes(bytes) : formatIpv6Bytes(bytes);
}

export function formatIpv4Bytes(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

export function formatIpv6Bytes(bytes: Uint8Array): string {
  if (isMapped(bytes)) return `::ffff:${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}`;
  let gapStart = -1;
  let gapLength = 1; // one zero group alone is not shortened
  let runStart = -1;
  for (let group = 0; group <= 8; group++) {
    if (group < 8 && bytes[2 * group] === 0 && bytes[2 * group + 1] === 0) {
      if (runStart < 0) runStart = group;
    } else if (runStart >= 0) {
      if (group - runStart > gapLength) {
        gapStart = runStart;
        gapLength = group - runStart;
      }
      runStart = -1;
    }
  }
  if (gapStart < 0) return groups(bytes, 0, 8);
  return `${groups(bytes, 0, gapStart)}::${groups(bytes, gapStart + gapLength, 8)}`;
}

/** The canonical text, scope included; undefined for what is not an address. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip && (ip.scope === undefined ? formatIp(ip.bytes) : `${formatIp(ip.bytes)}%${ip.scope}`);
}

/** An IPv4 address in IPv6 clothes, ::ffff:0:0/96. */
export function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** An IPv4 address that an IPv6 socket has is that IPv4 address to the kernel's tables. */
export function unmapped(address: string): string {
  if (!address.startsWith("::ffff:")) return address;
  const bytes = parseIp(address)?.bytes;
  return bytes !== undefined && isMapped(bytes) ? address.slice(7) : address;
}

/** `0.0.0.0` and `::`. */
export function isUnspecified(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Of canonical text: 224.0.0.0/4, ff00::/8. */
export function isMulticast(text: string): boolean {
  return /^(22[4-9]|23\d)\./.test(text) || /^ff[0-9a-f]{2}:/i.test(text);
}

export function equalIp(a: Uint8Array, b: Uint8Array): boolean {
  return isInPrefix(a, b, b.length * 8);
}

/** Are the first bits the same? Always false across families. */
export function isInPrefix(address: Uint8Array, prefix: Uint8Array, prefixLength: number): boolean {
  if (address.length !== prefix.length) return false;
  const whole = prefixLength >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== prefix[at]) return false;
  const rest = prefixLength & 7;
  return rest === 0 || (((address[whole] ?? 0) ^ (prefix[whole] ?? 0)) & (0xff << (8 - rest)) & 0xff) === 0;
}

/** The bytes with everything after the prefix set to zero. */
export function maskIp(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefixLength - at * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}

function groups(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let group = from; group < to; group++) {
    const value = ((bytes[2 * group] ?? 0) << 8) | (bytes[2 * group + 1] ?? 0);
    text += group === from ? value.toString(16) : `:${value.toString(16)}`;
  }
  return text;
}

/** Dotted decimal from `at` to the end of the text, into four bytes; no leading zeros, no missing parts. */
function readIpv4(text: string, at: number, into: Uint8Array, offset: number): boolean {
  const end = text.length;
  for (let part = 0; part < 4; part++) {
    const start = at;
    let value = 0;
    while (at < end && at - start < 3) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at += 1;
    }
    const length = at - start;
    if (length === 0 || value > 255 || (length > 1 && text[start] === "0")) return false;
    into[offset + part] = value;
    if (part < 3 && text[at++] !== ".") return false;
  }
  return at === end;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
