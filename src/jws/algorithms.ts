/** The two signature algorithms, one record each. Whatever is below gets the record, never a name. */

import type { JwsAlgorithm } from "../domain/ring.ts";

export interface SignatureAlgorithm {
  /** What a header's `alg` may say, case-sensitive (RFC 7515 §4.1.1). Ed25519 goes by RFC 8037's name and by RFC 9864's. */
  readonly names: readonly JwsAlgorithm[];
  readonly kty: "EC" | "OKP";
  readonly crv: "P-256" | "Ed25519";
  /** What node:crypto is told; Ed25519 hashes by itself (RFC 8032 §5.1). */
  readonly digest: "sha256" | null;
  readonly signatureBytes: number;
}

const ES256: SignatureAlgorithm = { names: ["ES256"], kty: "EC", crv: "P-256", digest: "sha256", signatureBytes: 64 };

const ED25519: SignatureAlgorithm = { names: ["EdDSA", "Ed25519"], kty: "OKP", crv: "Ed25519", digest: null, signatureBytes: 64 };

/** Every algorithm there is: `none`, HS*, RS* and the rest are not refused by a rule but simply don't exist. */
const ALL: readonly SignatureAlgorithm[] = [ES256, ED25519];

const byName: ReadonlyMap<string, SignatureAlgorithm> = new Map(
  ALL.flatMap((algorithm) => algorithm.names.map((name) => [name, algorithm] as const)),
);

/** The algorithm an `alg` names, or undefined where we have none of that name. */
export function algorithmNamed(alg: string): SignatureAlgorithm | undefined {
  return byName.get(alg);
}

/** The algorithm a key's type and curve are for: one key, one algorithm (RFC 8725 §3.1). */
export function algorithmOfKey(kty: unknown, crv: unknown): SignatureAlgorithm | undefined {
  return ALL.find((algorithm) => algorithm.kty === kty && algorithm.crv === crv);
}
