/**
 * Text as bytes (UTF-8) from the start: numbers are written digit by digit, and words that come again and again are copied. Copying a piece
 * costs 50 ns, whether it is long or short; writing it letter by letter 1 ns a letter.
 */
const encoder = new TextEncoder();

export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

export class ByteText {
  #bytes: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** What was written, valid until the next `clear`. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** Any text; makes room for itself. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += encoder.encodeInto(text, this.#bytes.subarray(this.length)).written;
  }

  /** Room for that many bytes: to be called before any of the following. */
  reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    larger.set(this.written);
    this.#bytes = larger;
  }

  byte(byte: number): void {
    this.#bytes[this.length++] = byte;
  }

  copy(piece: Uint8Array): void {
    this.#bytes.set(piece, this.length);
    this.length += piece.length;
  }

  /** A whole number from 0 to 2^53. */
  decimal(value: number): void {
    const bytes = this.#bytes;
    let width = 1;
    for (let bound = 10; value >= bound; bound *= 10) width++;
    let rest = value;
    for (let at = this.length + width - 1; at > this.length; at--) {
      const tenth = Math.floor(rest / 10);
      bytes[at] = 48 + (rest - tenth * 10);
      rest = tenth;
    }
    bytes[this.length] = 48 + rest;
    this.length += width;
  }

  /** Eight hexadecimal digits. */
  hex32(word: number): void {
    const bytes = this.#bytes;
    let at = this.length;
    for (let shift = 28; shift >= 0; shift -= 4) {
      const digit = (word >>> shift) & 15;
      bytes[at++] = digit < 10 ? 48 + digit : 87 + digit;
    }
    this.length = at;
  }
}

/** More of them than this are a crowd, of which nobody comes again. */
const MOST_PIECES = 8192;

/** The bytes of a text that depends on one thing, remembered for each such thing. */
export class TextPieces<K> {
  readonly #make: (key: K) => string;
  readonly #known = new Map<K, Uint8Array>();
  #lastKey: K | undefined;
  #last: Uint8Array | undefined;

  constructor(make: (key: K) => string) {
    this.#make = make;
  }

  of(key: K): Uint8Array {
    if (this.#last !== undefined && key === this.#lastKey) return this.#last;
    let bytes = this.#known.get(key);
    if (bytes === undefined) {
      if (this.#known.size >= MOST_PIECES) this.#known.clear();
      this.#known.set(key, (bytes = bytesOf(this.#make(key))));
    }
    this.#lastKey = key;
    return (this.#last = bytes);
  }
}
