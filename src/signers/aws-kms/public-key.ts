/** Public parts as AWS KMS gives them: SubjectPublicKeyInfo in DER (RFC 5280 §4.1). */

import { createPublicKey } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import type { JwkPublic } from "../../domain/ring.ts";

/** Undefined for a key that is neither on P-256 nor for Ed25519. */
export function jwkOfSpki(spki: Uint8Array): JwkPublic | undefined {
  const { kty, crv, x, y } = exported(spki);
  if (x === undefined) return undefined;
  if (kty === "EC" && crv === "P-256" && y !== undefined) return { kty, crv, x, y };
  return kty === "OKP" && crv === "Ed25519" ? { kty, crv, x } : undefined;
}

function exported(spki: Uint8Array): JsonWebKey {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }).export({ format: "jwk" });
  } catch {
    return {};
  }
}
