/**
 * src/jws: compact JWS, read strictly and put together in one place, and the public keys that prove it. It is shared
 * by the issuer's edge and by the verifier a resource server imports, so it knows nothing of the issuer.
 */

export { verifyAccessToken, checkAccessTokenClaims, checkAccessTokenHeader } from "./access-token.ts";
export type {
  AccessTokenClaims,
  AccessTokenFault,
  AccessTokenHeader,
  AccessTokenOptions,
  AccessTokenResult,
  ClaimExpectations,
} from "./access-token.ts";
export { algorithmNamed, algorithmOfKey } from "./algorithms.ts";
export type { SignatureAlgorithm } from "./algorithms.ts";
export { isSigned, parseAssertion } from "./assertion.ts";
export type { AssertionClaims, AssertionExpectations, AssertionFault, AssertionResult, ParsedAssertion } from "./assertion.ts";
export { signAccessToken } from "./assemble.ts";
export { MAX_COMPACT_JWS_LENGTH, parseCompactJws } from "./compact.ts";
export type { CompactJws, JwsFault, JwsHeader } from "./compact.ts";
export { importPublicJwk, thumbprint } from "./jwk.ts";
export type { JwkFault, VerificationKey } from "./jwk.ts";
export { importJwks, JWKS_FAULTS, parseJwks, staticJwks } from "./jwks.ts";
export type { JwksFault, JwksResult, KeySource } from "./jwks.ts";
export { RemoteJwks } from "./remote-jwks.ts";
export type { RemoteJwksLimits, RemoteJwksOptions } from "./remote-jwks.ts";
export { verifySignature } from "./verify.ts";
