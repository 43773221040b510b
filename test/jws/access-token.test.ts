import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { importJWK, jwtVerify, SignJWT } from "jose";
import t from "tap";
import type { Signer } from "../../src/domain/ports.ts";
import { verifyAccessToken } from "../../src/jws/access-token.ts";
import type { AccessTokenOptions } from "../../src/jws/access-token.ts";
import { signAccessToken } from "../../src/jws/assemble.ts";
import { importPublicJwk } from "../../src/jws/jwk.ts";
import type { VerificationKey } from "../../src/jws/jwk.ts";

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://api.example.com";
const NOW = 1_800_000_000_000;
const seconds = NOW / 1000;

interface Pair {
  readonly privateKey: KeyObject;
  readonly key: VerificationKey;
}

function pairOf({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }, kid: string): Pair {
  const imported = importPublicJwk({ ...publicKey.export({ format: "jwk" }), kid });
  if (!imported.ok) throw new Error(imported.reason);
  return { privateKey, key: imported.key };
}

const ec = pairOf(generateKeyPairSync("ec", { namedCurve: "P-256" }), "ec");
const ed = pairOf(generateKeyPairSync("ed25519"), "ed");
const keys = new Map([ec.key, ed.key].map((key) => [key.kid ?? "", key]));

const options: AccessTokenOptions = {
  issuer: ISSUER,
  audience: AUDIENCE,
  now: NOW,
  clockToleranceMillis: 10_000,
  keyFor: (kid) => keys.get(kid),
};

const CLAIMS = {
  iss: ISSUER,
  sub: "subject",
  aud: AUDIENCE,
  client_id: "app",
  iat: seconds,
  exp: seconds + 600,
  jti: "AAAAAAAAAAAAAAAAAAAAAA",
  scope: "read write",
};
const HEADER = { alg: "ES256", kid: "ec", typ: "at+jwt" };

const part = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

function es256(header: unknown = HEADER, claims: unknown = CLAIMS, privateKey = ec.privateKey): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

function eddsa(header: unknown, claims: unknown = CLAIMS): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), ed.privateKey).toString("base64url")}`;
}

function reasonOf(token: string, changed: Partial<AccessTokenOptions> = {}): string {
  const result = verifyAccessToken(token, { ...options, ...changed });
  return result.ok ? "ok" : result.reason;
}

const signer = (pair: Pair, algorithm: Signer["algorithm"]): Signer => ({
  kid: pair.key.kid ?? "",
  algorithm,
  sign: async (input) =>
    algorithm === "ES256"
      ? sign("sha256", Buffer.from(input), { key: pair.privateKey, dsaEncoding: "ieee-p1363" })
      : sign(null, Buffer.from(input), pair.privateKey),
});

t.test("a good token gives its claims and header", async (t) => {
  const result = verifyAccessToken(es256(), options);
  t.same(result, { ok: true, claims: CLAIMS, header: HEADER });
  t.equal(reasonOf(eddsa({ ...HEADER, alg: "EdDSA", kid: "ed" })), "ok");
  t.equal(reasonOf(eddsa({ ...HEADER, alg: "Ed25519", kid: "ed" })), "ok", "RFC 9864's name of the same algorithm");
});

t.test("what is assembled here is verified here and by jose", async (t) => {
  for (const [pair, algorithm] of [
    [ec, "ES256"],
    [ed, "EdDSA"],
    [ed, "Ed25519"],
  ] as const) {
    const one = signer(pair, algorithm);
    const token = await signAccessToken(one, CLAIMS);
    const again = await signAccessToken(one, { ...CLAIMS, sub: "süß 🔑" });
    t.same(verifyAccessToken(token, options), { ok: true, claims: CLAIMS, header: { alg: algorithm, kid: pair.key.kid, typ: "at+jwt" } });
    const joseKey = await importJWK({ ...pair.key.jwk }, algorithm);
    const { payload, protectedHeader } = await jwtVerify(again, joseKey, {
      currentDate: new Date(NOW),
      typ: "at+jwt",
      issuer: ISSUER,
      audience: AUDIENCE,
    });
    t.equal(payload.sub, "süß 🔑");
    t.same(protectedHeader, { alg: algorithm, kid: pair.key.kid, typ: "at+jwt" });
  }
});

t.test("a signer that fails makes no token", async (t) => {
  const failing: Signer = { kid: "ec", algorithm: "ES256", sign: () => Promise.reject(new Error("gone")) };
  await t.rejects(signAccessToken(failing, CLAIMS), { message: "gone" });
});

t.test("a token made by jose is verified", async (t) => {
  const token = await new SignJWT(CLAIMS).setProtectedHeader(HEADER).sign(ec.privateKey);
  t.equal(reasonOf(token), "ok");
});

t.test("the type must say access token (RFC 9068 §4)", async (t) => {
  for (const typ of ["at+jwt", "application/at+jwt", "AT+JWT", "application/AT+jwt"])
    t.equal(reasonOf(es256({ ...HEADER, typ })), "ok", typ);
  for (const typ of ["JWT", "jwt", "", "at", "application/jwt", "client-authentication+jwt", "at+jwt ", "x/at+jwt", undefined]) {
    t.equal(reasonOf(es256({ ...HEADER, typ })), "wrong_type", String(typ));
  }
});

t.test("alg none is refused in every spelling", async (t) => {
  for (const alg of ["none", "None", "NONE", "nOnE"]) {
    const input = `${part({ ...HEADER, alg })}.${part(CLAIMS)}`;
    t.equal(reasonOf(`${input}.`), "no_signature");
    t.equal(reasonOf(`${input}.${"A".repeat(86)}`), "unsupported_algorithm");
  }
});

t.test("the public key is no HMAC secret, in whatever form", async (t) => {
  const publicKey = createPublicKey({ key: { ...ec.key.jwk }, format: "jwk" });
  const secrets = [
    publicKey.export({ type: "spki", format: "pem" }),
    publicKey.export({ type: "spki", format: "der" }),
    JSON.stringify(ec.key.jwk),
    "",
  ];
  for (const alg of ["HS256", "HS384", "HS512"]) {
    for (const secret of secrets) {
      const input = `${part({ ...HEADER, alg })}.${part(CLAIMS)}`;
      const mac = createHmac(`sha${alg.slice(2)}`, secret)
        .update(input)
        .digest("base64url");
      t.equal(reasonOf(`${input}.${mac}`), "unsupported_algorithm");
    }
  }
});

t.test("algorithms are compared in their case and only two exist", async (t) => {
  for (const alg of [
    "es256",
    "ES384",
    "ES512",
    "ES256K",
    "RS256",
    "PS256",
    "Ed448",
    "ed25519",
    "eddsa",
    "ES256 ",
    "toString",
    "constructor",
  ]) {
    t.equal(reasonOf(es256({ ...HEADER, alg })), "unsupported_algorithm", alg);
  }
});

t.test("a key is used for its own algorithm only", async (t) => {
  t.equal(reasonOf(es256({ ...HEADER, alg: "EdDSA" })), "wrong_key");
  t.equal(reasonOf(eddsa({ ...HEADER, kid: "ed" })), "wrong_key");
  t.equal(reasonOf(es256({ ...HEADER, kid: "ed", alg: "EdDSA" })), "bad_signature");
});

t.test("keys come from the look-up and never from the header", async (t) => {
  const attacker = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = attacker.publicKey.export({ format: "jwk" });
  const planted = { ...HEADER, jwk, jku: "http://127.0.0.1:1/", x5u: "http://127.0.0.1:1/", x5c: ["AAAA"] };
  t.equal(reasonOf(es256(planted, CLAIMS, attacker.privateKey)), "bad_signature");
  t.equal(reasonOf(es256(planted)), "ok", "and they do no harm either");
  t.equal(reasonOf(es256({ ...planted, kid: "theirs" }, CLAIMS, attacker.privateKey)), "unknown_key");
});

t.test("a kid is only a name to look up", async (t) => {
  t.equal(reasonOf(es256({ alg: "ES256", typ: "at+jwt" })), "no_kid");
  for (const kid of ["__proto__", "constructor", "toString", "../ec", "ec\0", "EC", "' or 1=1", "k".repeat(3000)]) {
    t.equal(reasonOf(es256({ ...HEADER, kid })), "unknown_key", kid.slice(0, 20));
  }
});

t.test("header and claims are read in one way only", async (t) => {
  t.equal(reasonOf(es256('{"alg":"ES256","kid":"ec","typ":"JWT","typ":"at+jwt"}')), "header_not_json");
  t.equal(reasonOf(es256(HEADER, `{"sub":"victim",${JSON.stringify({ ...CLAIMS }).slice(1)}`)), "claims_not_json");
  for (const claims of ["", "[]", "null", '"x"', `\ufeff${JSON.stringify(CLAIMS)}`, `${JSON.stringify(CLAIMS)}x`]) {
    t.equal(reasonOf(es256(HEADER, claims)), "claims_not_json");
  }
  t.equal(reasonOf(es256({ ...HEADER, crit: ["exp"], exp: 1 })), "critical_header");
  t.equal(reasonOf(es256({ ...HEADER, b64: false })), "critical_header");
});

t.test("a nested or encrypted token is not an access token", async (t) => {
  t.equal(reasonOf(`${part({ alg: "dir", enc: "A256GCM" })}..AAAA.AAAA.AAAA`), "not_three_parts");
  t.equal(reasonOf(es256({ ...HEADER, cty: "JWT" }, es256())), "claims_not_json");
});

t.test("the signature is judged before the claims, so a forger learns nothing of them", async (t) => {
  const attacker = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  t.equal(reasonOf(es256(HEADER, { ...CLAIMS, iss: "https://other.example" }, attacker)), "bad_signature");
});

t.test("each claim RFC 9068 §2.2 requires is required, and of its type", async (t) => {
  for (const name of ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"]) {
    const { [name]: _, ...rest } = CLAIMS as Readonly<Record<string, unknown>>;
    t.equal(reasonOf(es256(HEADER, rest)), "claim_member", `without ${name}`);
    for (const value of [null, {}, [], true, ""]) t.equal(reasonOf(es256(HEADER, { ...CLAIMS, [name]: value })), "claim_member", name);
  }
  for (const name of ["exp", "iat"]) {
    for (const value of [String(seconds + 600), -1, 1e300]) t.equal(reasonOf(es256(HEADER, { ...CLAIMS, [name]: value })), "claim_member");
  }
  t.equal(reasonOf(es256(HEADER, JSON.stringify(CLAIMS).replace(/"exp":\d+/, '"exp":1e999'))), "claim_member", "infinity");
  for (const extra of [{ nbf: "0" }, { nbf: null }, { scope: ["read"] }, { sid: 1 }, { sid: "" }, { auth_time: "now" }]) {
    t.equal(reasonOf(es256(HEADER, { ...CLAIMS, ...extra })), "claim_member", JSON.stringify(extra));
  }
});

t.test("the issuer is compared as it is written", async (t) => {
  for (const iss of [`${ISSUER}/`, ISSUER.toUpperCase(), "https://issuer.example.evil.test", "http://issuer.example"]) {
    t.equal(reasonOf(es256(HEADER, { ...CLAIMS, iss })), "wrong_issuer", iss);
  }
});

t.test("the audience is one of the token's", async (t) => {
  t.equal(reasonOf(es256(HEADER, { ...CLAIMS, aud: ["https://other.example", AUDIENCE] })), "ok");
  for (const aud of ["https://other.example", `${AUDIENCE}/x`, AUDIENCE.slice(0, -1), ["https://other.example"]]) {
    t.equal(reasonOf(es256(HEADER, { ...CLAIMS, aud })), "wrong_audience");
  }
  t.equal(reasonOf(es256(HEADER, { ...CLAIMS, aud: "https://other.example" }), { audience: undefined }), "ok", "the caller judges");
  t.equal(reasonOf(es256(HEADER, { ...CLAIMS, aud: [AUDIENCE, 1] })), "claim_member");
});

t.test("a token is over at exp, and the tolerance ends to the millisecond (RFC 7519 §4.1.4)", async (t) => {
  const exp = (seconds + 600) * 1000;
  const at = (now: number, clockToleranceMillis: number) => reasonOf(es256(), { now, clockToleranceMillis });
  t.equal(at(exp - 1, 0), "ok");
  t.equal(at(exp, 0), "expired");
  t.equal(at(exp + 9_999, 10_000), "ok");
  t.equal(at(exp + 10_000, 10_000), "expired");
});

t.test("a token is not good before nbf or iat", async (t) => {
  const at = (claims: object, clockToleranceMillis: number) => reasonOf(es256(HEADER, { ...CLAIMS, ...claims }), { clockToleranceMillis });
  t.equal(at({ nbf: seconds }, 0), "ok");
  t.equal(at({ nbf: seconds + 1 }, 0), "not_yet_valid");
  t.equal(at({ nbf: seconds + 10 }, 10_000), "ok");
  t.equal(at({ nbf: seconds + 11 }, 10_000), "not_yet_valid");
  t.equal(at({ iat: seconds + 10 }, 10_000), "ok");
  t.equal(at({ iat: seconds + 11 }, 10_000), "not_yet_valid");
});
