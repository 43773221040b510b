/** A private part in memory: made, checked against its public part, turned into what node:crypto works with. */

import { createECDH, createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { base64url, fromBase64url } from "../../domain/bytes.ts";
import type { Random } from "../../domain/ports.ts";
import type { JwkPublic, KeyAlgorithm } from "../../domain/ring.ts";
import { kidOf } from "../kid.ts";

const KEY_BYTES = 32;

/** The members of a private JWK that are the key itself (RFC 7518 §6.2.2, §6.4.1; RFC 8037 §2). */
export type KeyMaterial = (JwkPublic & { readonly d: string }) | { readonly kty: "oct"; readonly k: string };

export interface PrivateKey {
  readonly kid: string;
  readonly algorithm: KeyAlgorithm;
  /** Absent for MAC keys. */
  readonly publicJwk?: JwkPublic;
  readonly material: KeyMaterial;
  /** Private, or secret for MAC keys. Made once: parsing a key costs more than signing with it. */
  readonly keyObject: KeyObject;
}

export function generateKey(algorithm: KeyAlgorithm, random: Random): PrivateKey {
  const members = newMembers(algorithm, random);
  const key = readPrivateKey(algorithm, members);
  if (typeof key === "string") throw new Error(`A new key ${key}.`);
  return key;
}

function newMembers(algorithm: KeyAlgorithm, random: Random): Readonly<Record<string, unknown>> {
  switch (algorithm) {
    case "HS256":
      return { kty: "oct", k: base64url(random(KEY_BYTES)) };
    case "ES256":
      return { ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }) };
    case "EdDSA":
    case "Ed25519":
      return { ...generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }) };
  }
}

/**
 * The key these JWK members are, or in a few words what is wrong with them (to follow a file's name; without any
 * value). The public part is computed from `d`: node:crypto takes a `d` that belongs to another `x` and `y`.
 */
export function readPrivateKey(algorithm: KeyAlgorithm, jwk: Readonly<Record<string, unknown>>): PrivateKey | string {
  const wanted = TYPES[algorithm];
  if (jwk.kty !== wanted.kty || jwk.crv !== wanted.crv) return `holds ${describeType(jwk)}, not ${wanted.words} as ${algorithm} needs`;
  return wanted.kty === "oct" ? readMacKey(jwk) : readSigningKey(algorithm, jwk);
}

const TYPES = {
  ES256: { kty: "EC", crv: "P-256", words: "an EC key on P-256" },
  EdDSA: { kty: "OKP", crv: "Ed25519", words: "an Ed25519 key" },
  Ed25519: { kty: "OKP", crv: "Ed25519", words: "an Ed25519 key" },
  HS256: { kty: "oct", crv: undefined, words: "a symmetric (oct) key" },
} as const satisfies Record<KeyAlgorithm, { kty: string; crv: string | undefined; words: string }>;

/** Only known words are repeated: anything else could be a secret in the wrong member. */
function describeType(jwk: Readonly<Record<string, unknown>>): string {
  const curve = ["P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448", "X25519", "X448"].find((name) => name === jwk.crv);
  const type = ["RSA", "EC", "OKP", "oct"].find((name) => name === jwk.kty);
  if (type === undefined) return "no key type (kty) known here";
  return curve === undefined ? `a key of type ${type}` : `a key of type ${type} on ${curve}`;
}

function readMacKey(jwk: Readonly<Record<string, unknown>>): PrivateKey | string {
  const { k } = jwk;
  const bytes = keyBytes(k);
  if (typeof k !== "string" || bytes === undefined) return "holds a MAC key that isn't 32 bytes in base64url (member k)";
  const material = { kty: "oct", k } as const;
  return { kid: kidOf(material), algorithm: "HS256", material, keyObject: createSecretKey(bytes) };
}

function readSigningKey(algorithm: KeyAlgorithm, jwk: Readonly<Record<string, unknown>>): PrivateKey | string {
  const { x, y, d } = jwk;
  if (d === undefined) return "holds a public key only: the private part (member d) is missing";
  const secret = keyBytes(d);
  if (typeof d !== "string" || secret === undefined) return "has a private part (member d) that isn't 32 bytes in base64url";

  const publicJwk = algorithm === "ES256" ? publicOfP256(secret) : publicOfEd25519(secret);
  if (publicJwk === undefined) return "has a private part (member d) that is no P-256 private key";
  const same = publicJwk.x === x && (publicJwk.kty === "OKP" || publicJwk.y === y);
  if (!same) return "has a private part (member d) that doesn't belong to its public part";

  const material = { ...publicJwk, d };
  const keyObject = createPrivateKey({ key: material, format: "jwk" });
  return { kid: kidOf(publicJwk), algorithm, publicJwk, material, keyObject };
}

function publicOfP256(secret: Buffer): JwkPublic | undefined {
  const curve = createECDH("prime256v1");
  try {
    curve.setPrivateKey(secret);
  } catch {
    // 0, or not below the order of the curve.
    return undefined;
  }
  const point = curve.getPublicKey();
  return { kty: "EC", crv: "P-256", x: point.toString("base64url", 1, 33), y: point.toString("base64url", 33, 65) };
}

/** RFC 8410 §7: an Ed25519 PKCS#8 is this and the 32 bytes of the seed. */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function publicOfEd25519(secret: Buffer): JwkPublic | undefined {
  const privateKey = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, secret]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return typeof x === "string" ? { kty: "OKP", crv: "Ed25519", x } : undefined;
}

function keyBytes(value: unknown): Buffer | undefined {
  if (typeof value !== "string") return undefined;
  const bytes = fromBase64url(value);
  return bytes?.length === KEY_BYTES ? Buffer.from(bytes) : undefined;
}
