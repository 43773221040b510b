/** Reads JWK Sets (RFC 7517 §5). */

import type { Bytes } from "../domain/ports.ts";
import { thumbprintInput } from "../domain/thumbprint.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { parseJsonObject } from "./compact.ts";
import { importPublicJwk } from "./jwk.ts";
import type { VerificationKey } from "./jwk.ts";

/** Far above any set that is meant for one issuer or client. */
export const MAX_JWKS_KEYS = 100;

export type JwksFault = "not_json" | "not_a_set" | "too_many_keys" | "no_usable_key";

/** Sentences about "the set", for people. */
export const JWKS_FAULTS: Readonly<Record<JwksFault, string>> = {
  not_json: "it is no JSON object that can be read in one way only",
  not_a_set: 'it has no list "keys"',
  too_many_keys: `it has more than ${MAX_JWKS_KEYS} keys`,
  no_usable_key: "it has no P-256 or Ed25519 public key for verifying signatures",
};

export type JwksResult =
  | { readonly ok: true; readonly keys: readonly VerificationKey[] }
  | { readonly ok: false; readonly reason: JwksFault };

/** Keys by which signatures are checked, wherever they come from. */
export interface KeySource {
  /**
   * With a `kid`: the key of that kid and algorithm, if there is one. Without: every key that fits the algorithm; the caller
   * decides whether that is enough. Rejects with `FetchError` where the keys can't be had just now.
   */
  keysFor(kid: string | undefined, algorithm: SignatureAlgorithm): Promise<readonly VerificationKey[]>;
}

/** Reads a set as it came, strictly. A set of which no key is usable is a fault too. */
export function parseJwks(body: Bytes): JwksResult {
  const set = parseJsonObject(body);
  if (set === undefined) return { ok: false, reason: "not_json" };
  if (!Array.isArray(set["keys"])) return { ok: false, reason: "not_a_set" };
  if (set["keys"].length > MAX_JWKS_KEYS) return { ok: false, reason: "too_many_keys" };
  const keys = importJwks(set["keys"]);
  return keys.length === 0 ? { ok: false, reason: "no_usable_key" } : { ok: true, keys };
}

/**
 * The usable keys of a set's `keys`. What is of another kind or faulty is skipped (RFC 7517 §5), and so are different keys
 * of one algorithm under one `kid`: which of them is meant can't be said, and to try each would let whoever can add a key
 * to the set sign under another's kid. The same key twice is one key.
 */
export function importJwks(jwks: readonly unknown[]): readonly VerificationKey[] {
  const usable = jwks.flatMap((jwk) => {
    const result = importPublicJwk(jwk);
    return result.ok ? [result.key] : [];
  });
  const keys = usable.filter((key, index) => usable.findIndex((other) => isSame(key, other)) === index);
  return keys.filter((key) => key.kid === undefined || keys.every((other) => other === key || !haveOneName(key, other)));
}

/** Keys that are configured and don't change. `keys`: from `importJwks`. */
export function staticJwks(keys: readonly VerificationKey[]): KeySource {
  return {
    keysFor: (kid, algorithm) =>
      Promise.resolve(keys.filter((key) => key.algorithm === algorithm && (kid === undefined || key.kid === kid))),
  };
}

function isSame(a: VerificationKey, b: VerificationKey): boolean {
  return haveOneName(a, b) && thumbprintInput(a.jwk) === thumbprintInput(b.jwk);
}

function haveOneName(a: VerificationKey, b: VerificationKey): boolean {
  return a.kid === b.kid && a.algorithm === b.algorithm;
}
