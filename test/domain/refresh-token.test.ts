import { createHash, createHmac } from "node:crypto";
import t from "tap";
import fc, { runs } from "../support/fast-check.ts";
import type { Digests } from "../../src/domain/ports.ts";
import {
  HANDLE_BYTES,
  MAX_GENERATION,
  parseRefreshToken,
  type RefreshToken,
  sidOf,
  spellRefreshToken,
  subjectKeyOf,
  truncatedMac,
} from "../../src/domain/refresh-token.ts";

const MAC_KEY = Buffer.alloc(32, 0xa5);
const hmac = (data: Uint8Array): Uint8Array => createHmac("sha256", MAC_KEY).update(data).digest();
const digests: Digests = {
  sha256: (data) => createHash("sha256").update(data).digest(),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  equal: (a, b) => Buffer.from(a).equals(b),
};
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const tokens: fc.Arbitrary<RefreshToken> = fc.record({
  macVersion: fc.nat(255),
  subjectKey: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  handle: fc.uint8Array({ minLength: 24, maxLength: 24 }),
  generation: fc.integer({ min: 1, max: MAX_GENERATION }),
});

t.test("a refresh token is mmr_ and base64url of version, subject key, handle, generation and MAC", async () => {
  fc.assert(
    fc.property(tokens, (token) => {
      const generation = Buffer.from([
        token.generation >>> 24,
        (token.generation >>> 16) & 255,
        (token.generation >>> 8) & 255,
        token.generation & 255,
      ]);
      const signed = Buffer.concat([Buffer.from([token.macVersion]), token.subjectKey, token.handle, generation]);
      const mac = createHmac("sha256", MAC_KEY).update(signed).digest().subarray(0, 18);
      return spellRefreshToken(token, hmac) === `mmr_${Buffer.concat([signed, mac]).toString("base64url")}`;
    }),
  );
});

t.test("it has 88 characters, 84 of them without spare bits, and a handle of 24 bytes", async (t) => {
  const text = spellRefreshToken(
    { macVersion: 255, subjectKey: Buffer.alloc(16, 255), handle: Buffer.alloc(24, 255), generation: MAX_GENERATION },
    () => Buffer.alloc(32, 255),
  );
  t.equal(text, `mmr_${"_".repeat(84)}`);
  t.equal((63 * 8) % 6, 0);
  t.equal(HANDLE_BYTES, 24);
  t.equal(MAX_GENERATION, 2 ** 32 - 1);
});

t.test("what was spelled is parsed, and its MAC is over all before it", async () => {
  fc.assert(
    fc.property(tokens, (token) => {
      const parsed = parseRefreshToken(spellRefreshToken(token, hmac));
      if (parsed === undefined) return false;
      const same = parsed.macVersion === token.macVersion && parsed.generation === token.generation;
      return (
        same &&
        Buffer.from(parsed.subjectKey).equals(token.subjectKey) &&
        Buffer.from(parsed.handle).equals(token.handle) &&
        Buffer.from(truncatedMac(hmac, parsed.signed)).equals(parsed.mac)
      );
    }),
  );
});

t.test("any changed character makes it no token, or one whose MAC is wrong", async () => {
  fc.assert(
    fc.property(
      tokens,
      fc.nat(87),
      fc.oneof(fc.constantFrom(...ALPHABET), fc.string({ unit: "binary", minLength: 1, maxLength: 1 })),
      (token, place, character) => {
        const text = spellRefreshToken(token, hmac);
        fc.pre(text[place] !== character);
        const changed = parseRefreshToken(text.slice(0, place) + character + text.slice(place + 1));
        return changed === undefined || !Buffer.from(truncatedMac(hmac, changed.signed)).equals(changed.mac);
      },
    ),
    { numRuns: runs(1_000) },
  );
});

t.test("each bit of what the MAC covers is covered", async (t) => {
  const parsed = parseRefreshToken(
    spellRefreshToken({ macVersion: 1, subjectKey: Buffer.alloc(16, 2), handle: Buffer.alloc(24, 3), generation: 4 }, hmac),
  );
  if (parsed === undefined) throw new Error("not parsed");
  t.equal(parsed.signed.length, 45);
  for (let bit = 0; bit < 45 * 8; bit++) {
    const changed = Buffer.from(parsed.signed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    if (Buffer.from(truncatedMac(hmac, changed)).equals(parsed.mac)) t.fail(`bit ${bit}`);
  }
});

t.test("nothing else is a refresh token", async (t) => {
  const good = spellRefreshToken({ macVersion: 0, subjectKey: Buffer.alloc(16), handle: Buffer.alloc(24), generation: 1 }, hmac);
  t.ok(parseRefreshToken(good));
  const others = [
    "",
    "mmr_",
    good.slice(0, -1),
    `${good}A`,
    ` ${good.slice(0, -1)}`,
    `${good} `,
    `MMR_${good.slice(4)}`,
    `mmr-${good.slice(4)}`,
    good.slice(4),
    `${good.slice(0, -1)}=`,
    `${good.slice(0, -1)}+`,
    `${good.slice(0, -1)}/`,
    `${good.slice(0, -1)}\n`,
  ];
  for (const text of others) t.equal(parseRefreshToken(text), undefined, JSON.stringify(text));
});

t.test("the same arguments spell the same token; another key spells another", async (t) => {
  const token = { macVersion: 9, subjectKey: Buffer.alloc(16, 7), handle: Buffer.alloc(24, 8), generation: 5 };
  t.equal(spellRefreshToken(token, hmac), spellRefreshToken({ ...token }, hmac));
  t.not(
    spellRefreshToken(token, hmac),
    spellRefreshToken(token, (data) => createHmac("sha256", "x").update(data).digest()),
  );
});

t.test("the sid is the first 16 bytes of SHA-256 over the handle", async (t) => {
  const handle = Buffer.from("000102030405060708090a0b0c0d0e0f1011121314151617", "hex");
  const sid = sidOf(handle, digests);
  t.equal(sid, createHash("sha256").update(handle).digest().subarray(0, 16).toString("base64url"));
  t.match(sid, /^[A-Za-z0-9_-]{22}$/);
});

t.test("the subject key is SHA-256 over length-prefixed issuer and sub, so that moving the border gives another", async (t) => {
  const prefixed = Buffer.concat([Buffer.from([16]), Buffer.from("https://a.exampl"), Buffer.from([2]), Buffer.from("me")]);
  t.same(Buffer.from(subjectKeyOf("https://a.exampl", "me", digests)), createHash("sha256").update(prefixed).digest().subarray(0, 16));
  t.notSame(subjectKeyOf("https://a.exampl", "eme", digests), subjectKeyOf("https://a.example", "me", digests));
});
