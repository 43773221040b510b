/** What a key's name is the SHA-256 of (RFC 7638). The digest itself is taken where digests are at hand. */

import type { JwkPublic } from "./ring.ts";

/** A symmetric key, `k` in base64url. */
export interface JwkOct {
  readonly kty: "oct";
  readonly k: string;
}

/**
 * The text whose SHA-256, in base64url, is the key's thumbprint: the required members only, in lexicographic order,
 * without white space (RFC 7638 §3.2; RFC 8037 §2 for OKP). The values must be canonical base64url.
 */
export function thumbprintInput(jwk: JwkPublic | JwkOct): string {
  switch (jwk.kty) {
    case "EC":
      return JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y });
    case "OKP":
      return JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x });
    case "oct":
      return JSON.stringify({ k: jwk.k, kty: jwk.kty });
  }
}
