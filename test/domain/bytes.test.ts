import fc from "../support/fast-check.ts";
import t from "tap";
import {
  base64url,
  ByteReader,
  ByteWriter,
  concatBytes,
  FormatError,
  fromBase64url,
  lengthPrefixed,
  sameBytes,
  textOf,
  utf8,
} from "../../src/domain/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 400 });

t.test("base64url is RFC 4648 §5 without padding", async (t) => {
  // RFC 4648 §10, and two bytes whose base64 has the characters that differ.
  const vectors: [string, string][] = [
    ["", ""],
    ["f", "Zg"],
    ["fo", "Zm8"],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg"],
    ["fooba", "Zm9vYmE"],
    ["foobar", "Zm9vYmFy"],
  ];
  for (const [text, spelled] of vectors) {
    t.equal(base64url(utf8(text)), spelled);
    t.ok(sameBytes(fromBase64url(spelled) ?? utf8("?"), utf8(text)));
  }
  t.equal(base64url(Uint8Array.of(0xfb, 0xff)), "-_8");
});

t.test("only the one canonical spelling is read", async (t) => {
  for (const text of ["Zg==", "Zh", "Z", "Zg ", " Zg", "Z\ng", "+_8", "-/8", "Zm9v.", "Zm9vé", "\0Zg"])
    t.equal(fromBase64url(text), undefined, JSON.stringify(text));
});

t.test("what was spelled is read, from any part of a larger buffer", async () => {
  fc.assert(
    fc.property(bytes, fc.nat(20), (value, offset) => {
      const part = concatBytes(new Uint8Array(offset), value, new Uint8Array(3)).subarray(offset, offset + value.length);
      const read = fromBase64url(base64url(part));
      return read !== undefined && Buffer.from(value).equals(read);
    }),
  );
});

t.test("bytes are the same where length and each byte are", async (t) => {
  t.ok(sameBytes(utf8("abc"), Buffer.from("abc")));
  t.notOk(sameBytes(utf8("abc"), utf8("abd")));
  t.notOk(sameBytes(utf8("abc"), utf8("ab")));
  t.notOk(sameBytes(utf8("ab"), utf8("abc")));
  t.ok(sameBytes(utf8(""), utf8("")));
});

t.test("text is UTF-8 or an error, a byte order mark is kept", async (t) => {
  t.throws(() => textOf(Uint8Array.of(0xc3)), TypeError);
  t.throws(() => textOf(Uint8Array.of(0xed, 0xa0, 0x80)), TypeError);
  t.equal(textOf(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
  t.equal(textOf(utf8("é€😀")), "é€😀");
});

t.test("no two lists of texts have the same length-prefixed bytes", async (t) => {
  t.same([...lengthPrefixed("ab", "")], [2, 0x61, 0x62, 0]);
  t.equal(lengthPrefixed("x".repeat(128)).length, 130, "a length of 128 takes two bytes");
  const texts = fc.array(fc.string({ maxLength: 5 }), { maxLength: 4 });
  fc.assert(
    fc.property(
      texts,
      texts,
      (a, b) => sameBytes(lengthPrefixed(...a), lengthPrefixed(...b)) === (JSON.stringify(a) === JSON.stringify(b)),
    ),
  );
});

t.test("numbers are unsigned LEB128", async (t) => {
  const written = (value: number): number[] => [...new ByteWriter().number(value).finish()];
  t.same(written(0), [0]);
  t.same(written(127), [0x7f]);
  t.same(written(128), [0x80, 0x01]);
  t.same(written(624_485), [0xe5, 0x8e, 0x26], "the example of the DWARF standard");
  t.same(written(2 ** 31 - 1), [0xff, 0xff, 0xff, 0xff, 0x07]);
  t.same(written(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x08]);
  t.equal(written(Number.MAX_SAFE_INTEGER).length, 8);
  for (const value of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) t.throws(() => written(value), TypeError, String(value));
});

t.test("a text is its length in bytes and its UTF-8, be it short, long or not ASCII", async (t) => {
  const written = (value: string): Uint8Array => new ByteWriter().text(value).finish();
  for (const text of [
    "",
    "a",
    "\0\x7f",
    "x".repeat(63),
    "x".repeat(64),
    "x".repeat(65),
    "x".repeat(127),
    "é",
    `${"x".repeat(63)}é`,
    "€".repeat(40),
  ])
    t.same([...written(text)], [Buffer.byteLength(text), ...Buffer.from(text)], JSON.stringify(text));
});

t.test("base64url is stored as the bytes it spells, in its one spelling and of the length that was agreed", async (t) => {
  const text = base64url(Uint8Array.from({ length: 16 }, (_, index) => 17 * index));
  const written = new ByteWriter().byte(7).base64url(text, 16).byte(8).finish();
  t.same([...written], [7, ...Buffer.from(text, "base64url"), 8]);
  const reader = new ByteReader(written);
  t.same([reader.byte(), reader.base64url(16), reader.byte()], [7, text, 8]);
  t.throws(() => new ByteReader(written).base64url(19), FormatError);
  for (const wrong of ["", text.slice(1), `${text}A`, `${text}=`, `${text.slice(0, -1)}!`, `${text.slice(0, -1)}x`, `é${text.slice(1)}`])
    t.throws(() => new ByteWriter().base64url(wrong, 16), TypeError, wrong);
});

t.test("what was written is read, in order and to the end", async () => {
  const part = fc.oneof(
    fc.record({ kind: fc.constant("number" as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant("text" as const), value: fc.string({ unit: "grapheme", maxLength: 200 }) }),
    fc.record({ kind: fc.constant("raw" as const), value: bytes }),
    fc.record({ kind: fc.constant("byte" as const), value: fc.nat(255) }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const writer = new ByteWriter();
      for (const each of parts) {
        if (each.kind === "number") writer.number(each.value);
        else if (each.kind === "text") writer.text(each.value);
        else if (each.kind === "raw") writer.raw(each.value);
        else writer.byte(each.value);
      }
      const reader = new ByteReader(writer.finish());
      for (const each of parts) {
        if (each.kind === "number" && reader.number() !== each.value) return false;
        if (each.kind === "text" && reader.text() !== each.value) return false;
        if (each.kind === "raw" && !Buffer.from(each.value).equals(reader.raw(each.value.length))) return false;
        if (each.kind === "byte" && reader.byte() !== each.value) return false;
      }
      reader.end();
      return true;
    }),
  );
});

t.test("a document may be long: many short parts or a single one", async (t) => {
  const writer = new ByteWriter().text("x".repeat(5_000));
  for (let index = 0; index < 2_000; index++) writer.number(index);
  const reader = new ByteReader(writer.raw(Buffer.alloc(3_000, 7)).finish());
  t.equal(reader.text(), "x".repeat(5_000));
  t.same(
    Array.from({ length: 2_000 }, () => reader.number()),
    Array.from({ length: 2_000 }, (_, index) => index),
  );
  t.ok(reader.raw(3_000).every((byte) => byte === 7));
  reader.end();
});

t.test("a document that ends too early, goes on or holds too large a number is a format error", async (t) => {
  const reader = (...values: number[]): ByteReader => new ByteReader(Uint8Array.from(values));
  t.throws(() => reader().byte(), FormatError);
  t.throws(() => reader().number(), FormatError);
  t.throws(() => reader(0x80).number(), FormatError);
  t.throws(() => reader(2, 0x61).text(), FormatError);
  t.throws(() => reader(1).raw(2), FormatError);
  t.throws(() => reader(1).end(), FormatError);
  t.throws(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10).number(), FormatError, "2 to the power of 53");
  t.throws(() => reader(...Array.from({ length: 2_000 }, () => 0x80), 0).number(), FormatError);
});
