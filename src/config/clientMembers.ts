import { JWT_BEARER } from "../domain/policy.ts";
import { defaulted, list, optional, required } from "./reader.ts";
import { absoluteUri, choice, clientId, duration, fetchableUrl, flag, jwks, origin, scopeToken, sha256Hex } from "./values.ts";

/** The members of one entry of `clients`. */
export const clientMembers = {
  id: required(clientId, "The client_id."),
  type: required(choice("public", "confidential"), "Whether it can keep a secret (RFC 6749 §2.1)."),
  secretSha256: optional(
    sha256Hex,
    "none",
    "SHA-256 of the client secret. A confidential client has it, jwks or jwksUri; a public one has none.",
  ),
  grants: required(
    list(choice("login", "refresh_token", "client_credentials", JWT_BEARER), { min: 1, max: 4 }),
    "What it may ask for. login without refresh_token gives access tokens only; client_credentials is for confidential clients; jwt-bearer needs a trusted issuer that lists the client.",
  ),
  refreshTokenDelivery: defaulted(
    choice("body", "cookie"),
    "body",
    "How it gets its refresh tokens. With cookie its pages can't read them, and it needs allowedOrigins.",
  ),
  allowedOrigins: defaulted(
    list(origin, { max: 64 }),
    [],
    "Origins of the browser pages that may use it: its CORS, and where its cookie is accepted from.",
  ),
  resources: defaulted(
    list(absoluteUri, { max: 256 }),
    [],
    "Ids of the resources it may ask for; the first is the default. At least one, unless sessions is true.",
  ),
  scopes: defaulted(list(scopeToken, { max: 256 }), [], "Scopes it may ask for, out of those of its resources."),
  sessions: defaulted(
    flag,
    false,
    "Whether it may list and end the subject's sessions: adds the issuer as its last resource, with the scope sessions. Needs the grant login or jwt-bearer.",
  ),
  rotation: defaulted(
    choice("always", "never"),
    "always",
    "Whether each refresh gives a new refresh token. With never it stays the same, and there is no retry window; for confidential clients.",
  ),
  retryWindow: optional(duration("0s", "60s"), "refreshToken.retryWindow", "See refreshToken.retryWindow."),
  keyedRetryWindow: optional(duration("0s", "24h"), "refreshToken.keyedRetryWindow", "See refreshToken.keyedRetryWindow."),
  idleLifetime: optional(duration("1s", "400d"), "refreshToken.idleLifetime", "See refreshToken.idleLifetime."),
  absoluteLifetime: optional(duration("1s", "400d"), "refreshToken.absoluteLifetime", "See refreshToken.absoluteLifetime."),
  accessTokenLifetime: optional(duration("1s", "24h"), "accessToken.lifetime", "Lifetime of its access tokens, if shorter."),
  jwks: optional(jwks, "none", "Its public keys for private_key_jwt (RFC 7523 §2.2). P-256 or Ed25519."),
  jwksUri: optional(fetchableUrl, "none", "Where its public keys for private_key_jwt are, instead of jwks."),
};
