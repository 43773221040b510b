/** Tokens as nobody but the issuer could make them, altered by someone who is not the issuer. */

import { createHash, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { partOf } from "../../test/support/client-calls.ts";
import type { Algorithm } from "./types.ts";

/** A key pair of the forger's own, of the kind the issuer has. */
export interface ForgersKey {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly privateKey: KeyObject;
}

export function makeForgersKey(alg: Algorithm): ForgersKey {
  const { privateKey, publicKey } = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  const kid = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64url");
  return { alg, kid, privateKey };
}

/** The same token with one bit of its signature changed. */
export function withOtherSignature(token: string): string {
  const [header, claims, signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  return `${header}.${claims}.${bytes.toString("base64url")}`;
}

/** The same token with another scope under the signature it had. */
export function withOtherClaims(token: string): string {
  const [header, , signature] = token.split(".");
  return `${header}.${encode({ ...partOf(token, 1), scope: "read write admin" })}.${signature}`;
}

/** Header and claims as they were, signed by the forger. */
export function signedByForger(token: string, key: ForgersKey): string {
  return signed({ ...partOf(token, 0) }, token, key);
}

/** The forger's own `kid` in the header, and a signature that is good under that key. */
export function withUnknownKid(token: string, key: ForgersKey): string {
  return signed({ ...partOf(token, 0), kid: key.kid }, token, key);
}

function signed(header: object, token: string, { alg, privateKey }: ForgersKey): string {
  const input = `${encode(header)}.${token.split(".")[1]}`;
  const bytes =
    alg === "ES256"
      ? sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" })
      : sign(null, Buffer.from(input), privateKey);
  return `${input}.${bytes.toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
