/** The verifiers nobody here wrote, with what is expected of each. A run that finds otherwise fails. */

import type { Algorithm } from "./types.ts";

export const SURROUNDINGS = ["npm", "python", "go", "java", "perl", "ruby", "apache"] as const;
export type SurroundingName = (typeof SURROUNDINGS)[number];

export interface Verifier {
  readonly name: string;
  readonly surrounding: SurroundingName;
  /** What it verifies. Whatever it verifies it must refuse when altered, and go on verifying over a rotation of the key. */
  readonly verifies: readonly Algorithm[];
  /** It has no JWK Set client: the set is fetched for it, and how long a key is kept is up to whoever does that. */
  readonly byHand?: true;
  /** For the table: what to know; undefined where there is nothing to know. */
  readonly note?: string;
}

const JWKS_RSA = "keeps a key for 10 min; asks for each unknown kid";
const GET_JWKS = "asks for a key again after 60 s, and goes on with the one it had where it is gone from the set";
const ON_JSONWEBTOKEN = `jsonwebtoken underneath; ${JWKS_RSA}`;

export const VERIFIERS: readonly Verifier[] = [
  {
    name: "jose",
    surrounding: "npm",
    verifies: ["ES256", "EdDSA", "Ed25519"],
    note: "keeps the set for 10 min; asks for an unknown kid every 30 s at most",
  },
  {
    name: "oauth4webapi",
    surrounding: "npm",
    verifies: ["ES256", "EdDSA", "Ed25519"],
    note: "insists on `at+jwt`; keeps the set for 5 min; asks for an unknown kid every 60 s at most",
  },
  {
    name: "express-oauth2-jwt-bearer",
    surrounding: "npm",
    verifies: ["ES256", "EdDSA"],
    note: "jose underneath; finds the set by OpenID discovery; with `strict` it insists on `at+jwt`",
  },
  {
    name: "get-jwks + fast-jwt",
    surrounding: "npm",
    verifies: ["ES256"],
    note: `its \`getPublicKey\` can't convert OKP keys; ${GET_JWKS}`,
  },
  {
    name: "get-jwks, createPublicKey + fast-jwt",
    surrounding: "npm",
    verifies: ["ES256", "EdDSA"],
    note: `its \`getJwk\` with node:crypto's \`createPublicKey\`; ${GET_JWKS}`,
  },
  {
    name: "aws-jwt-verify",
    surrounding: "npm",
    verifies: ["ES256", "EdDSA"],
    note: "keys never expire; insists on `https:` for the set, which was brought to it by a fetcher of ours",
  },
  { name: "jwks-rsa + jose", surrounding: "npm", verifies: ["ES256", "EdDSA", "Ed25519"], note: JWKS_RSA },
  { name: "jwks-rsa + jsonwebtoken", surrounding: "npm", verifies: ["ES256"], note: JWKS_RSA },
  { name: "express-jwt + jwks-rsa", surrounding: "npm", verifies: ["ES256"], note: ON_JSONWEBTOKEN },
  { name: "passport-jwt + jwks-rsa", surrounding: "npm", verifies: ["ES256"], note: ON_JSONWEBTOKEN },
  { name: "koa-jwt + jwks-rsa", surrounding: "npm", verifies: ["ES256"], note: ON_JSONWEBTOKEN },
  {
    name: "fastify-jwt-jwks",
    surrounding: "npm",
    verifies: ["EdDSA"],
    note: "RS256 and EdDSA only; keeps a key for a week, and as long the news that a kid was not in the set",
  },
  {
    name: "PyJWT (PyJWKClient)",
    surrounding: "python",
    verifies: ["ES256", "EdDSA"],
    note: "keeps the set for 5 min; asks for an unknown kid every 30 s at most",
  },
  {
    name: "Authlib (RFC 9068 validator)",
    surrounding: "python",
    verifies: ["ES256"],
    byHand: true,
    note: "refuses EdDSA as not recommended, and has no setting for it",
  },
  {
    name: "Authlib (authlib.jose)",
    surrounding: "python",
    verifies: ["ES256", "EdDSA"],
    byHand: true,
    note: "deprecated in favour of joserfc",
  },
  {
    name: "joserfc",
    surrounding: "python",
    verifies: ["ES256", "EdDSA", "Ed25519"],
    byHand: true,
    note: "EdDSA only where `algorithms` names it",
  },
  {
    name: "python-jose",
    surrounding: "python",
    verifies: ["ES256"],
    byHand: true,
    note: "pick the key by kid: given the whole set it stops at the first key of another type",
  },
  { name: "jwcrypto", surrounding: "python", verifies: ["ES256", "EdDSA", "Ed25519"], byHand: true },
  {
    name: "go-oidc + go-jose",
    surrounding: "go",
    verifies: ["ES256", "EdDSA"],
    note: "keys never expire; asks again whenever no key that it has verifies a token",
  },
  {
    name: "golang-jwt + keyfunc",
    surrounding: "go",
    verifies: ["ES256", "EdDSA"],
    note: "fetches the set every hour, and for an unknown kid every 5 min at most",
  },
  {
    name: "nimbus-jose-jwt",
    surrounding: "java",
    verifies: ["ES256"],
    note: "its key selector finds no OKP keys; keeps the set for 5 min; asks for an unknown kid every 30 s at most",
  },
  { name: "jose4j", surrounding: "java", verifies: ["ES256", "EdDSA"], note: "keeps the set for its `max-age`" },
  { name: "Crypt::JWT", surrounding: "perl", verifies: ["ES256", "EdDSA"], byHand: true },
  { name: "ruby-jwt", surrounding: "ruby", verifies: ["ES256"], byHand: true, note: "asks a loader of yours when a kid is not in the set" },
  {
    name: "Apache mod_oauth2",
    surrounding: "apache",
    verifies: ["ES256"],
    note: "keeps the set for 24 h; asks again when a token does not verify; check `iss` and `aud` with `Require oauth2_claim`",
  },
  {
    name: "Apache mod_auth_openidc",
    surrounding: "apache",
    verifies: ["ES256"],
    note: "keeps the set for 1 h; insists on `https:` for it; check `iss` and `aud` with `Require claim`",
  },
];
