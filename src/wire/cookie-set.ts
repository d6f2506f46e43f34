/**
 * Which cookies have been seen. The kernel hands cookies out one after the other (gen_cookie_next), so that a bit per cookie in pages of
 * 65 536 costs an eighth of a byte for each socket, where a Set of numbers costs 40 bytes and ten times the time.
 */
export class CookieSet {
  readonly #pages = new Map<number, Uint8Array>();
  #pageKey = -1;
  #page: Uint8Array | undefined;

  has(low: number, high: number): boolean {
    const page = this.#pages.get(high * 0x10000 + (low >>> 16));
    return page !== undefined && (page[(low & 0xffff) >>> 3]! & (1 << (low & 7))) !== 0;
  }

  /** Adds the cookie of these two words; false when it was there already. */
  add(low: number, high: number): boolean {
    const key = high * 0x10000 + (low >>> 16);
    if (key !== this.#pageKey) {
      this.#pageKey = key;
      this.#page = this.#pages.get(key);
      if (this.#page === undefined) this.#pages.set(key, (this.#page = new Uint8Array(8192)));
    }
    const page = this.#page!;
    const at = (low & 0xffff) >>> 3;
    const bit = 1 << (low & 7);
    const before = page[at]!;
    if ((before & bit) !== 0) return false;
    page[at] = before | bit;
    return true;
  }
}
