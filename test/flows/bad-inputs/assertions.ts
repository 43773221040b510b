/** Assertions that are wrong in one way each, by name: those that rows of `bad-inputs.json` ask for, and more of their kind. */

import { createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Party } from "../../support/assertions.ts";

/** Who signs, and what a good one says. */
export interface Signing {
  readonly party: Party;
  /** Whose keys are not the owner's, although they are somebody's. */
  readonly neighbour: Party;
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  /** The `typ` of assertions of the other kind. */
  readonly otherType: string;
}

type Members = Readonly<Record<string, unknown>>;

interface Variation {
  readonly header?: Members;
  readonly claims?: Members;
  /** Default: the owner's key. */
  readonly signedBy?: (input: Buffer, signing: Signing) => Buffer;
  /** Of header and claims, where they are not plainly spelled. */
  readonly spell?: (jws: string, signing: Signing) => string;
  /** The second part, where it is not the claims' JSON. */
  readonly payload?: (claims: Members) => string;
}

const b64 = (text: string | Buffer): string => Buffer.from(text).toString("base64url");

function es256(input: Buffer, key: KeyObject): Buffer {
  return sign("sha256", input, { key, dsaEncoding: "ieee-p1363" });
}

function rs256(input: Buffer): Buffer {
  return sign("sha256", input, generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
}

const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const byStranger = (input: Buffer): Buffer => es256(input, stranger.privateKey);
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
const pem = ({ party }: Signing): string => JSON.stringify(party.publicJwk);

/** Makes the variation anew each time: times are those of the call. */
const VARIATIONS: Readonly<Record<string, (signing: Signing) => Variation>> = {
  ok: () => ({}),
  // Rows of the file.
  "two-parts": () => ({ spell: (jws) => jws.split(".").slice(0, 2).join(".") }),
  "alg=HS256,key=pub": () => ({
    header: { alg: "HS256" },
    signedBy: (input, signing) => createHmac("sha256", pem(signing)).update(input).digest(),
  }),
  "alg=RS256": () => ({ header: { alg: "RS256" }, signedBy: rs256 }),
  "aud=[iss,other]": ({ aud }) => ({ claims: { aud: [aud, "https://other.test"] } }),
  "aud=[iss]": ({ aud }) => ({ claims: { aud: [aud] } }),
  "iss=other": () => ({ claims: { iss: "other" } }),
  "-sub": () => ({ claims: { sub: undefined } }),
  "-exp": () => ({ claims: { exp: undefined } }),
  "exp=-300": () => ({ claims: { exp: inSeconds(-300), iat: inSeconds(-360) } }),
  "exp=+315360000": () => ({ claims: { exp: inSeconds(315_360_000) } }),
  "nbf=+8,iat=+8": () => ({ claims: { nbf: inSeconds(8), iat: inSeconds(8) } }),
  "-jti": () => ({ claims: { jti: undefined } }),
  "kid=random": () => ({ header: { kid: randomUUID() } }),
  "jwk=attacker": () => ({ header: { kid: undefined, jwk: stranger.publicKey.export({ format: "jwk" }) }, signedBy: byStranger }),
  // Who signed.
  "alg=none": () => ({ header: { alg: "none" }, spell: (jws) => `${jws.split(".").slice(0, 2).join(".")}.` }),
  "alg=none,signed": () => ({ header: { alg: "none" } }),
  "alg=NONE": () => ({ header: { alg: "NoNe" }, spell: (jws) => `${jws.split(".").slice(0, 2).join(".")}.` }),
  "alg=es256": () => ({ header: { alg: "es256" } }),
  "alg=ES384": () => ({ header: { alg: "ES384" } }),
  "alg=other": ({ party }) => ({ header: { alg: party.alg === "ES256" ? "EdDSA" : "ES256" } }),
  "alg=array": ({ party }) => ({ header: { alg: [party.alg] } }),
  "-alg": () => ({ header: { alg: undefined } }),
  "key=stranger": () => ({ header: { alg: "ES256" }, signedBy: byStranger }),
  "key=stranger,-kid": () => ({ header: { alg: "ES256", kid: undefined }, signedBy: byStranger }),
  "key=neighbour": ({ neighbour }) => ({
    header: { kid: neighbour.kid, alg: "ES256" },
    signedBy: (input) => es256(input, neighbour.privateKey),
  }),
  "key=neighbour,kid=own": ({ neighbour }) => ({ header: { alg: "ES256" }, signedBy: (input) => es256(input, neighbour.privateKey) }),
  "kid=neighbour": ({ neighbour }) => ({ header: { kid: neighbour.kid } }),
  "kid=path": () => ({ header: { kid: "../../../../dev/null" } }),
  "kid=": () => ({ header: { kid: "" } }),
  "kid=number": () => ({ header: { kid: 1 } }),
  "kid=__proto__": () => ({ header: { kid: "__proto__" } }),
  "jku=attacker": () => ({ header: { kid: "a", jku: "https://evil.test/jwks" }, signedBy: byStranger }),
  "x5u=attacker": () => ({ header: { kid: undefined, x5u: "https://evil.test/cert" }, signedBy: byStranger }),
  "x5c=attacker": () => ({ header: { kid: undefined, x5c: ["MIIB"] }, signedBy: byStranger }),
  "crit=exp": () => ({ header: { crit: ["exp"] } }),
  "crit=[]": () => ({ header: { crit: [] } }),
  "b64=false": () => ({ header: { b64: false, crit: ["b64"] } }),
  "zip=DEF": () => ({ header: { crit: ["zip"], zip: "DEF" } }),
  "typ=at+jwt": () => ({ header: { typ: "at+jwt" } }),
  "typ=of the other kind": ({ otherType }) => ({ header: { typ: otherType } }),
  "typ=number": () => ({ header: { typ: 5 } }),
  "signature empty": () => ({ signedBy: () => Buffer.alloc(0) }),
  "signature zero": () => ({ signedBy: () => Buffer.alloc(64) }),
  "signature short": () => ({ spell: (jws) => jws.slice(0, -4) }),
  "signature long": () => ({ spell: (jws) => `${jws}AAAA` }),
  "signature of others' claims": () => ({ spell: (jws) => spliced(jws, 1, (claims) => claims.replace('"jti":"', '"jti":"x')) }),
  "header of another": () => ({ spell: (jws) => spliced(jws, 0, (header) => header.replace("{", '{"x":1,')) }),
  // How it is spelled.
  "four parts": () => ({ spell: (jws) => `${jws}.AAAA` }),
  "five parts": () => ({ spell: (jws) => `${jws}.AAAA.AAAA` }),
  "one part": () => ({ spell: (jws) => jws.replaceAll(".", "") }),
  padded: () => ({ spell: (jws) => jws.replace(".", "=.") }),
  "base64 not base64url": () => ({ spell: (jws) => `${jws.slice(0, -2)}+/` }),
  "spare bits": () => ({ spell: (jws) => `${jws.slice(0, -1)}${jws.endsWith("B") ? "C" : "B"}` }),
  blank: () => ({ spell: (jws) => `+${jws}` }),
  "JSON serialization": () => ({
    spell: (jws) => {
      const [header, payload, signature] = jws.split(".");
      return encodeURIComponent(JSON.stringify({ payload, protected: header, signature }));
    },
  }),
  huge: () => ({ claims: { filler: "x".repeat(9_000) } }),
  "not JSON": () => ({ payload: () => "what" }),
  "JSON array": () => ({ payload: (claims) => JSON.stringify([claims]) }),
  "JSON null": () => ({ payload: () => "null" }),
  "duplicate member": () => ({ payload: (claims) => JSON.stringify(claims).replace("{", '{"sub":"admin",') }),
  "duplicate by escape": () => ({ payload: (claims) => JSON.stringify(claims).replace("{", '{"s\\u0075b":"admin",') }),
  "byte order mark": () => ({ payload: (claims) => `\ufeff${JSON.stringify(claims)}` }),
  "deep JSON": () => ({ payload: (claims) => JSON.stringify(claims).replace("{", `{"a":${"[".repeat(2_000)}${"]".repeat(2_000)},`) }),
  "__proto__ claim": () => ({
    payload: (claims) =>
      JSON.stringify(claims)
        .replace("{", '{"__proto__":{"sub":"admin"},')
        .replace(/"sub":"[^"]*",/, ""),
  }),
  // What it says.
  "-iss": () => ({ claims: { iss: undefined } }),
  "iss=": () => ({ claims: { iss: "" } }),
  "iss=number": () => ({ claims: { iss: 7 } }),
  "iss=array": ({ iss }) => ({ claims: { iss: [iss] } }),
  "iss=__proto__": () => ({ claims: { iss: "__proto__", sub: "__proto__" } }),
  "iss=us": ({ aud }) => ({ claims: { iss: aud, sub: aud } }),
  "sub=": () => ({ claims: { sub: "" } }),
  "sub=number": () => ({ claims: { sub: 7 } }),
  "sub=object": () => ({ claims: { sub: { $ne: null } } }),
  "sub=null": () => ({ claims: { sub: null } }),
  "-aud": () => ({ claims: { aud: undefined } }),
  "aud=": () => ({ claims: { aud: "" } }),
  "aud=[]": () => ({ claims: { aud: [] } }),
  "aud=object": ({ aud }) => ({ claims: { aud: { [aud]: true } } }),
  "aud=other": () => ({ claims: { aud: "https://other.test" } }),
  "aud=token endpoint": ({ aud }) => ({ claims: { aud: `${aud}/token` } }),
  "aud=iss/": ({ aud }) => ({ claims: { aud: `${aud}/` } }),
  "aud=upper case": ({ aud }) => ({ claims: { aud: aud.toUpperCase() } }),
  "aud=resource": () => ({ claims: { aud: "https://api.example.com" } }),
  "exp=now": () => ({ claims: { exp: inSeconds(-11) } }),
  "exp just over the cap": () => ({ claims: { exp: inSeconds(330) } }),
  "exp=string": () => ({ claims: { exp: String(inSeconds(60)) } }),
  "exp=null": () => ({ claims: { exp: null } }),
  "exp=0": () => ({ claims: { exp: 0 } }),
  "exp=negative": () => ({ claims: { exp: -1 } }),
  "exp=in milliseconds": () => ({ claims: { exp: inSeconds(60) * 1_000 } }),
  "exp=1e308": () => ({ claims: { exp: 1e308 } }),
  "exp=1e400": () => ({ payload: (claims) => JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400') }),
  "nbf=+70": () => ({ claims: { nbf: inSeconds(70) } }),
  "iat=+70": () => ({ claims: { iat: inSeconds(70), exp: inSeconds(120) } }),
  "nbf=string": () => ({ claims: { nbf: "0" } }),
  "iat=object": () => ({ claims: { iat: {} } }),
  "jti=": () => ({ claims: { jti: "" } }),
  "jti=number": () => ({ claims: { jti: 12_345 } }),
  "jti=array": () => ({ claims: { jti: [randomUUID()] } }),
  "jti=long": () => ({ claims: { jti: "j".repeat(257) } }),
  // What must be accepted.
  "exp=+290": () => ({ claims: { exp: inSeconds(290) } }),
  "-kid": () => ({ header: { kid: undefined } }),
  "-iat": () => ({ claims: { iat: undefined } }),
  "typ=JWT": () => ({ header: { typ: "JWT" } }),
  "jku=ignored": () => ({ header: { jku: "https://evil.test/jwks", jwk: stranger.publicKey.export({ format: "jwk" }) } }),
};

/** Of any trusted issuer's assertion, beside the above. */
const SUBJECTS: Readonly<Record<string, Members>> = {
  "sub=control": { sub: "a\u0000b" },
  "sub=line break": { sub: "a\r\nb" },
  "sub=C1": { sub: "a\u009bb" },
  "sub=long": { sub: "s".repeat(256) },
  "iss=unknown": { iss: "https://unknown.example.net" },
  "iss=slash": { iss: "https://login.example.net/" },
};

export const ACCEPTED: readonly string[] = ["ok", "exp=+290", "nbf=+8,iat=+8", "-kid", "-iat", "typ=JWT", "jku=ignored"];
const OF_FILE = ["two-parts", "alg=HS256,key=pub", "alg=RS256", "aud=[iss,other]", "aud=[iss]", "iss=other", "-sub", "-exp", "exp=-300"];

/** Names of those that are refused whoever asserts, without those of the file's own rows about clients. */
export const REFUSED = Object.keys(VARIATIONS).filter((name) => !ACCEPTED.includes(name));
export const REFUSED_OF_CLIENTS = REFUSED.filter(
  (name) => ![...OF_FILE, "exp=+315360000", "-jti", "kid=random", "jwk=attacker"].includes(name),
);
export const REFUSED_SUBJECTS = Object.keys(SUBJECTS);

/** The assertion of that name. */
export function namedAssertion(name: string, signing: Signing): string {
  const subject = SUBJECTS[name];
  const variation = subject === undefined ? VARIATIONS[name]?.(signing) : { claims: subject };
  if (variation === undefined) throw new Error(`a row needs the assertion ${name}, which nobody makes`);
  return assertionOf(signing, variation);
}

export function assertionOf(signing: Signing, { header, claims, signedBy, spell, payload = JSON.stringify }: Variation): string {
  const { party, iss, sub, aud } = signing;
  // Undefined members are left out by JSON.
  const allClaims = JSON.parse(
    JSON.stringify({ iss, sub, aud, iat: inSeconds(0), exp: inSeconds(60), jti: randomUUID(), ...claims }),
  ) as Members;
  const input = `${b64(JSON.stringify({ alg: party.alg, kid: party.kid, ...header }))}.${b64(payload(allClaims))}`;
  const bytes = Buffer.from(input);
  const signature = signedBy?.(bytes, signing) ?? ownSignature(bytes, party);
  const jws = `${input}.${b64(signature)}`;
  return spell?.(jws, signing) ?? jws;
}

function ownSignature(input: Buffer, { alg, privateKey }: Party): Buffer {
  return alg === "ES256" ? es256(input, privateKey) : sign(null, input, privateKey);
}

function spliced(jws: string, part: 0 | 1, change: (json: string) => string): string {
  return jws
    .split(".")
    .map((piece, index) => (index === part ? b64(change(Buffer.from(piece, "base64url").toString())) : piece))
    .join(".");
}
