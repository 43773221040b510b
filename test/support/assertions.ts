/** Parties who sign assertions for the issuer: clients with private_key_jwt, and other people's logins. */

import { generateKeyPairSync, randomUUID } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import type { JWK } from "jose";

export interface Party {
  /** Of the first key. */
  readonly kid: string;
  readonly alg: "ES256" | "EdDSA";
  readonly privateKey: KeyObject;
  readonly publicJwk: JWK;
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
}

export function newParty(alg: "ES256" | "EdDSA" = "ES256", kid: string = randomUUID()): Party {
  const { privateKey, publicKey } = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  const publicJwk = { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" } as JWK;
  return { kid, alg, privateKey, publicJwk, jwks: { keys: [publicJwk] } };
}

export interface AssertionParts {
  readonly header?: Readonly<Record<string, unknown>>;
  /** Over those that are right; undefined leaves a claim out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly signedBy?: Party;
}

/**
 * An assertion by `party` as RFC 7523 §3 wants it, but for what `parts` says otherwise. `now` in milliseconds.
 */
export async function assertion(
  party: Party,
  right: { readonly iss: string; readonly sub: string; readonly aud: string; readonly now: number },
  { header = {}, claims = {}, signedBy = party }: AssertionParts = {},
): Promise<string> {
  const { iss, sub, aud, now } = right;
  const seconds = Math.floor(now / 1_000);
  const all = { iss, sub, aud, iat: seconds, exp: seconds + 60, jti: randomUUID(), ...claims };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const members = Object.fromEntries(Object.entries({ kid: party.kid, ...header }).filter(([, value]) => value !== undefined));
  return new SignJWT(present).setProtectedHeader({ alg: signedBy.alg, ...members }).sign(signedBy.privateKey);
}
