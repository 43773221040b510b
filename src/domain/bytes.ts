/** Bytes and their spellings. */

import type { Bytes } from "./ports.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Buffers, because small ones come from a pool: a typed array of its own costs more than what is done with it.
export function utf8(text: string): Bytes {
  return Buffer.from(text);
}

/** Throws `TypeError` on bytes that are not UTF-8. */
export function textOf(bytes: Bytes): string {
  return decoder.decode(bytes);
}

export function base64url(bytes: Bytes): string {
  return asBuffer(bytes).toString("base64url");
}

function asBuffer(bytes: Bytes): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Undefined where the text is not the one canonical spelling (RFC 4648 §5, no padding, no spare bits). */
export function fromBase64url(text: string): Bytes | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

export function sameBytes(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

export function concatBytes(...parts: readonly Bytes[]): Bytes {
  return Buffer.concat(parts);
}

/** Each text preceded by its length, so that no two lists of texts have the same bytes. */
export function lengthPrefixed(...texts: readonly string[]): Bytes {
  const writer = new ByteWriter();
  for (const text of texts) writer.text(text);
  return writer.finish();
}

/** Characters of a text whose length is one byte and which is copied one by one. */
const SHORT = 64;

/** From here on a number is more than a shift can take. */
const SHIFTABLE = 2 ** 31;

/** Builds a compact binary document: unsigned LEB128 numbers, length-prefixed texts, raw bytes. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** A safe integer ≥ 0. */
  number(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError("a number in a document is a safe integer of 0 or more");
    this.#reserve(8);
    let rest = value;
    while (rest >= SHIFTABLE) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** Four bytes, big-endian. */
  uint32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    return this;
  }

  text(value: string): this {
    if (value.length <= SHORT && this.#ascii(value)) return this;
    const length = Buffer.byteLength(value);
    this.number(length);
    this.#reserve(length);
    this.#length += this.#bytes.write(value, this.#length);
    return this;
  }

  /** Whether it was written: most texts are short and ASCII, for which a call out of JavaScript is dear. */
  #ascii(value: string): boolean {
    this.#reserve(value.length + 1);
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      this.#bytes[this.#length + 1 + index] = code;
    }
    this.#bytes[this.#length] = value.length;
    this.#length += value.length + 1;
    return true;
  }

  raw(value: Bytes): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** The bytes that a text of base64url spells; throws `TypeError` where it is not the one spelling of so many. */
  base64url(text: string, bytes: number): this {
    this.#reserve(text.length);
    const end = this.#length + this.#bytes.write(text, this.#length, "base64url");
    if (end - this.#length !== bytes || this.#bytes.toString("base64url", this.#length, end) !== text)
      throw new TypeError(`a text in a document is not the base64url of ${bytes} bytes`);
    this.#length = end;
    return this;
  }

  finish(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe((this.#length + count) * 2);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** A stored value that this version can't read: not over, not absent, but unreadable, so nothing may be decided from it. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** Reads what `ByteWriter` wrote; throws `FormatError` where the bytes end too early or are no such document. */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = asBuffer(bytes);
  }

  byte(): number {
    const value = this.#bytes[this.#offset++];
    if (value === undefined) throw new FormatError("a stored document ends too early");
    return value;
  }

  number(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) throw new FormatError("a number in a stored document is too large");
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  }

  /** Four bytes, big-endian. */
  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  text(): string {
    const length = this.number();
    const start = this.#take(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  /** The base64url of so many bytes. */
  base64url(length: number): string {
    const start = this.#take(length);
    return this.#bytes.toString("base64url", start, start + length);
  }

  raw(length: number): Bytes {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Asserts that everything was read. */
  end(): void {
    if (this.#offset !== this.#bytes.length) throw new FormatError("a stored document goes on after its end");
  }

  #take(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw new FormatError("a stored document ends too early");
    this.#offset += length;
    return start;
  }
}
