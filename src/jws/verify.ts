/** One signature, one key: nothing of the token but the signing input and the signature gets here. */

import { verify } from "node:crypto";
import type { Bytes } from "../domain/ports.ts";
import type { VerificationKey } from "./jwk.ts";

const SCALAR_BYTES = 32;

/**
 * True where `signature` (raw: r‖s for ES256, RFC 7518 §3.4; RFC 8032 for Ed25519) is the key's over the ASCII
 * signing input. The algorithm is the key's own; the header's has no say here.
 */
export function verifySignature(key: Pick<VerificationKey, "algorithm" | "keyObject">, signingInput: string, signature: Bytes): boolean {
  const { algorithm, keyObject } = key;
  if (signature.length !== algorithm.signatureBytes) return false;
  const data = Buffer.from(signingInput, "latin1");
  if (algorithm.digest === null) return verify(null, data, keyObject, signature);
  // r = s = 0 was good for every message in more than one library (CVE-2022-21449).
  if (isZero(signature.subarray(0, SCALAR_BYTES)) || isZero(signature.subarray(SCALAR_BYTES))) return false;
  return verify(algorithm.digest, data, { key: keyObject, dsaEncoding: "ieee-p1363" }, signature);
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}
