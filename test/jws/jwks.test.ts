import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { utf8 } from "../../src/domain/bytes.ts";
import { algorithmNamed } from "../../src/jws/algorithms.ts";
import { MAX_JWKS_KEYS, importJwks, parseJwks, staticJwks } from "../../src/jws/jwks.ts";
import { RFC7515_A3, RFC8037 } from "./vectors.ts";

const ES256 = algorithmNamed("ES256")!;
const ED25519 = algorithmNamed("Ed25519")!;
const ec = (kid?: string) => ({ ...RFC7515_A3.jwk, ...(kid === undefined ? {} : { kid }) });
const ed = (kid?: string) => ({ ...RFC8037.jwk, ...(kid === undefined ? {} : { kid }) });
const otherEc = (kid: string) => ({ ...generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" }), kid });
const kids = (keys: readonly unknown[]) => importJwks(keys).map((key) => key.kid);
const faultOf = (text: string) => {
  const result = parseJwks(utf8(text));
  return result.ok ? "ok" : result.reason;
};

t.test(
  "keys of other kinds and faulty ones are skipped, good ones beside them are kept (RFC 7517 §5; bad-inputs vf-021, vf-023)",
  async (t) => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
    const weak = { kty: "OKP", crv: "Ed25519", kid: "weak", x: "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
    const keys = [
      rsa,
      null,
      1,
      [],
      { kty: "new" },
      ec("a"),
      weak,
      { ...ec("b"), use: "enc" },
      { ...ec("c"), d: RFC7515_A3.d },
      ed("d"),
      {},
    ];
    t.same(kids(keys), ["a", "d"]);
  },
);

t.test("different keys of one algorithm under one kid: none of them counts", async (t) => {
  t.same(kids([ec("a"), otherEc("a"), ec("b")]), ["b"]);
  t.same(kids([ec("a"), otherEc("a"), ec("a")]), []);
});

t.test("one kid may name a key of each algorithm, the same key twice, and a key that can't count (bad-inputs vf-020)", async (t) => {
  t.same(kids([ec("a"), ed("a")]), ["a", "a"]);
  t.same(kids([ec("a"), { ...ec("a"), alg: "ES256" }]), ["a"]);
  t.same(kids([{ kty: "oct", k: "AAAA", kid: "a" }, ec("a")]), ["a"]);
});

t.test("keys without kid count beside each other", async (t) => {
  const { kid: _kid, ...other } = otherEc("a");
  t.equal(importJwks([ec(), other, ed(), ec()]).length, 3);
});

t.test("a set is an object with a list of keys, read in the one way it can be read", async (t) => {
  t.equal(faultOf(JSON.stringify({ keys: [ec("a")], other: 1 })), "ok");
  for (const text of [
    "",
    "<html>",
    '{"keys":[{"kty"',
    "[]",
    "null",
    '{"keys":[],"keys":[]}',
    '\ufeff{"keys":[]}',
    '{"__proto__":{"keys":[]}}',
  ]) {
    t.equal(faultOf(text), "not_json", text);
  }
  t.equal(parseJwks(Uint8Array.of(0x22, 0xff, 0x22)).ok, false, "not UTF-8");
  for (const text of ["{}", '{"keys":{}}', '{"keys":null}', '{"Keys":[]}', JSON.stringify(ec("a"))])
    t.equal(faultOf(text), "not_a_set", text);
  for (const keys of [[], [{ kty: "oct", k: "AAAA" }], [ec("a"), otherEc("a")]])
    t.equal(faultOf(JSON.stringify({ keys })), "no_usable_key");
});

t.test("a set has at most 100 keys", async (t) => {
  const keys = (count: number) => JSON.stringify({ keys: Array.from({ length: count }, (_, index) => ec(`${index}`)) });
  t.equal(MAX_JWKS_KEYS, 100);
  t.equal(faultOf(keys(100)), "ok");
  t.equal(faultOf(keys(101)), "too_many_keys");
});

t.test("configured keys are found by kid and algorithm, or all that fit", async (t) => {
  const keys = importJwks([ec("a"), ed("a"), ec("b"), ec()]);
  const [ecA, edA, ecB, ecNone] = keys;
  const source = staticJwks(keys);
  t.same(await source.keysFor("a", ES256), [ecA]);
  t.same(await source.keysFor("a", ED25519), [edA]);
  t.same(await source.keysFor("b", ED25519), []);
  t.same(await source.keysFor(undefined, ES256), [ecA, ecB, ecNone]);
  for (const kid of ["", "A", "__proto__", "constructor", "undefined"]) t.same(await source.keysFor(kid, ES256), [], kid);
});
