import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { thumbprintInput } from "../../src/domain/thumbprint.ts";
import { importPublicJwk, thumbprint } from "../../src/jws/jwk.ts";
import { RFC7515_A3, RFC8037, readVectors, vectorsMissing } from "./vectors.ts";

const reasonOf = (jwk: unknown) => {
  const result = importPublicJwk(jwk);
  return result.ok ? "ok" : result.reason;
};
const ed25519 = (hex: string) => ({ kty: "OKP", crv: "Ed25519", x: Buffer.from(hex, "hex").toString("base64url") });
const p256 = (x: bigint, y: bigint) => ({ kty: "EC", crv: "P-256", x: coordinate(x), y: coordinate(y) });
const coordinate = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").toString("base64url");

/** FIPS 186-5 / SP 800-186: the prime of P-256 and its base point. */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const GX = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n;
const GY = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n;

t.test("the thumbprint is the one of RFC 8037 A.3", async (t) => {
  t.equal(thumbprint(RFC8037.jwk), RFC8037.thumbprint);
});

t.test("the thumbprint is over the required members in lexicographic order (RFC 7638 §3.2)", async (t) => {
  t.equal(thumbprintInput(RFC7515_A3.jwk), `{"crv":"P-256","kty":"EC","x":"${RFC7515_A3.jwk.x}","y":"${RFC7515_A3.jwk.y}"}`);
  t.equal(thumbprintInput({ kty: "oct", k: "AAAA" }), '{"k":"AAAA","kty":"oct"}');
});

t.test("good keys are imported with their one algorithm", async (t) => {
  const ec = importPublicJwk({ ...RFC7515_A3.jwk, kid: "a", use: "sig", alg: "ES256", key_ops: ["verify"], x5u: "http://127.0.0.1:1/" });
  t.ok(ec.ok);
  if (ec.ok) {
    t.same(ec.key.algorithm.names, ["ES256"]);
    t.equal(ec.key.kid, "a");
    t.equal(ec.key.keyObject.type, "public");
  }
  for (const alg of ["EdDSA", "Ed25519", undefined]) {
    const ed = importPublicJwk({ ...RFC8037.jwk, ...(alg === undefined ? {} : { alg }) });
    t.ok(ed.ok);
    if (ed.ok) t.same(ed.key.algorithm.names, ["EdDSA", "Ed25519"]);
  }
});

t.test("keys of other kinds are unsupported, which a set may hold beside good ones", async (t) => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" });
  const x25519 = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
  const oct = { kty: "oct", k: "AAAA" };
  for (const jwk of [rsa, p384, x25519, oct, {}, { kty: "EC" }, { kty: "ec", crv: "P-256" }, { kty: "OKP", crv: "P-256" }]) {
    t.equal(reasonOf(jwk), "unsupported");
  }
  for (const value of [undefined, null, "x", 1, []]) t.equal(reasonOf(value), "not_an_object");
});

t.test("a key that is for something else, or was published with its private part, is refused", async (t) => {
  const { jwk } = RFC7515_A3;
  t.equal(reasonOf({ ...jwk, d: RFC7515_A3.d }), "private");
  const others = [
    { use: "enc" },
    { use: null },
    { alg: "ES384" },
    { alg: "EdDSA" },
    { alg: "HS256" },
    { alg: 1 },
    { key_ops: ["sign"] },
    { key_ops: "verify" },
  ];
  for (const other of others) t.equal(reasonOf({ ...jwk, ...other }), "wrong_use", JSON.stringify(other));
  for (const kid of [1, null, "", ["a"]]) t.equal(reasonOf({ ...jwk, kid }), "member");
});

t.test("coordinates are 32 bytes, spelled canonically", async (t) => {
  const { jwk } = RFC7515_A3;
  const short = Buffer.from(jwk.x, "base64url").subarray(1).toString("base64url");
  const long = Buffer.concat([Buffer.alloc(1), Buffer.from(jwk.x, "base64url")]).toString("base64url");
  // 32 bytes are 43 characters whose last two bits are spare: V sets one of them.
  const spare = `${jwk.x.slice(0, -1)}V`;
  for (const x of [short, long, spare, `${jwk.x}=`, ` ${jwk.x}`, "", 1, undefined]) {
    t.equal(reasonOf({ ...jwk, x }), "member", String(x));
    t.equal(reasonOf({ ...RFC8037.jwk, x }), "member", String(x));
  }
  t.equal(reasonOf({ ...jwk, y: undefined }), "member");
});

t.test("a P-256 point must be on the curve, its coordinates below the prime", async (t) => {
  t.equal(reasonOf(p256(GX, GY)), "ok");
  t.equal(reasonOf(p256(GX, P - GY)), "ok", "the other root");
  t.equal(reasonOf(p256(GX, GY + 1n)), "point");
  t.equal(reasonOf(p256(GY, GX)), "point");
  t.equal(reasonOf(p256(0n, 0n)), "point");
  // x = 5 has a point (y² = x³ − 3x + b is a square there); 5 + p still fits 32 bytes and means the same x.
  const y = 0x459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbccn;
  t.equal(reasonOf(p256(5n, y)), "ok");
  t.equal(reasonOf(p256(5n + P, y)), "point");
});

t.test("an Ed25519 point must not be of small order (bad-inputs vf-023)", async (t) => {
  // The y of the torsion points (ed25519-speccheck), with the sign bit clear and set.
  const encodings = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ];
  for (const hex of encodings) t.equal(reasonOf(ed25519(hex)), "point", hex);
  t.equal(reasonOf({ kty: "OKP", crv: "Ed25519", x: "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }), "point");
});

t.test("an Ed25519 point has one spelling, and is a point (bad-inputs ky-017)", async (t) => {
  t.equal(reasonOf({ kty: "OKP", crv: "Ed25519", x: "7P_______________________________________38" }), "point");
  for (const first of ["ed", "ee", "ef", "f0", "ff"]) t.equal(reasonOf(ed25519(`${first}${"ff".repeat(30)}7f`)), "point", first);
  // y = 2 has no x: (4 − 1) / (4d + 1) is no square.
  t.equal(reasonOf(ed25519(`02${"00".repeat(31)}`)), "point");
  for (let i = 0; i < 20; i += 1) t.equal(reasonOf(generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" })), "ok");
});

t.test("of the keys of ed25519-speccheck those of small order or not canonical are refused", { skip: vectorsMissing }, async (t) => {
  const cases = readVectors("ed25519-speccheck", "cases.json") as readonly { pub_key: string }[];
  t.equal(cases.length, 12);
  // Cases 0 and 1: small order. 10 and 11: not canonical. The rest have keys of full or mixed order.
  const refused = cases.flatMap(({ pub_key }, index) => (reasonOf(ed25519(pub_key)) === "point" ? [index] : []));
  t.same(refused, [0, 1, 10, 11]);
});
