/**
 * Addresses as text, remembered: a hundred thousand sockets have few different addresses, and formatting them is a third of the decoding.
 * The memory is bounded, so that a crowd of peers cannot make it grow.
 */
import { formatIpv4Bytes, formatIpv6Bytes } from "../tcp/ip-address.ts";

const MOST = 4096;

export class AddressTexts {
  readonly #ipv4 = new Map<number, string>();
  readonly #ipv6 = new Map<number, Ipv6Text>();

  ipv4(view: DataView, at: number): string {
    const key = view.getUint32(at, false);
    let text = this.#ipv4.get(key);
    if (text === undefined) {
      text = formatIpv4Bytes(new Uint8Array(view.buffer, view.byteOffset + at, 4));
      if (this.#ipv4.size >= MOST) this.#ipv4.clear();
      this.#ipv4.set(key, text);
    }
    return text;
  }

  ipv6(view: DataView, at: number): string {
    const a = view.getUint32(at, false);
    const b = view.getUint32(at + 4, false);
    const c = view.getUint32(at + 8, false);
    const d = view.getUint32(at + 12, false);
    const key = (Math.imul(a, 31) ^ Math.imul(b, 131) ^ Math.imul(c, 1031) ^ d) >>> 0;
    const known = this.#ipv6.get(key);
    if (known !== undefined && known.a === a && known.b === b && known.c === c && known.d === d) return known.text;
    const text = formatIpv6Bytes(new Uint8Array(view.buffer, view.byteOffset + at, 16));
    if (this.#ipv6.size >= MOST) this.#ipv6.clear();
    this.#ipv6.set(key, { a, b, c, d, text });
    return text;
  }
}

interface Ipv6Text {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly text: string;
}
