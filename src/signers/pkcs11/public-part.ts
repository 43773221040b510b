/** The public part of a key on a token, as a JWK. */

import { createPublicKey } from "node:crypto";
import type { JwkPublic, JwsAlgorithm } from "../../domain/ring.ts";
import { CKK } from "./module.ts";

/** OBJECT IDENTIFIER prime256v1, in DER. */
export const P256 = Buffer.from("06082a8648ce3d030107", "hex");
/** The two spellings of Ed25519's parameters: PrintableString "edwards25519", which SoftHSM takes, and OBJECT IDENTIFIER (RFC 8410). */
export const ED25519 = [Buffer.from("130c656477617264733235353139", "hex"), Buffer.from("06032b6570", "hex")] as const;

export function keyTypeOf(algorithm: JwsAlgorithm): number {
  return algorithm === "ES256" ? CKK.EC : CKK.EC_EDWARDS;
}

/**
 * The JWK of a point (CKA_EC_POINT), undefined where it is none of that algorithm's curve. PKCS#11 wants the point in a DER OCTET
 * STRING, for Ed25519 from 3.0 on as it is; tokens do either.
 */
export function jwkOfPoint(algorithm: JwsAlgorithm, value: Buffer): JwkPublic | undefined {
  const length = algorithm === "ES256" ? 65 : 32;
  const isWrapped = value.length === length + 2 && value[0] === 0x04 && value[1] === length;
  const point = isWrapped ? value.subarray(2) : value;
  if (point.length !== length || (algorithm === "ES256" && point[0] !== 0x04)) return undefined;
  const part = (from: number, to: number): string => point.toString("base64url", from, to);
  const jwk: JwkPublic =
    algorithm === "ES256" ? { kty: "EC", crv: "P-256", x: part(1, 33), y: part(33, 65) } : { kty: "OKP", crv: "Ed25519", x: part(0, 32) };
  return isKey(jwk) ? jwk : undefined;
}

function isKey(jwk: JwkPublic): boolean {
  try {
    return createPublicKey({ key: { ...jwk }, format: "jwk" }).type === "public";
  } catch {
    return false;
  }
}
