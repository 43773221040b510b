/** The JWK Set as bytes in memory (RFC 7517): made when it changes, not when it is asked for. */

import { base64url } from "../domain/bytes.ts";
import type { Digests } from "../domain/ports.ts";
import { jwksMaxAge, publishedKeys, type Ring, type RingPolicy } from "../domain/ring.ts";
import type { PublishedJwks } from "./types.ts";

export interface JwksBody {
  readonly ringVersion: number;
  readonly body: Buffer;
  readonly etag: string;
  readonly nextChangeAt: number;
}

export function jwksBody(ring: Ring, policy: RingPolicy, now: number, digests: Digests): JwksBody {
  const { keys, nextChangeAt } = publishedKeys(ring, now, policy);
  const body = Buffer.from(
    JSON.stringify({ keys: keys.map(({ kid, algorithm, publicJwk }) => ({ ...publicJwk, kid, use: "sig", alg: algorithm })) }),
  );
  return { ringVersion: ring.version, body, etag: `"${base64url(digests.sha256(body).subarray(0, 16))}"`, nextChangeAt };
}

export function published({ nextChangeAt, ...jwks }: JwksBody, policy: RingPolicy, now: number): PublishedJwks {
  return { ...jwks, maxAgeSeconds: Math.floor(jwksMaxAge(nextChangeAt, now, policy.jwksMaxAgeMillis) / 1_000) };
}
