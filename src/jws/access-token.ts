/** Verifies JWT access tokens as RFC 9068 §4 asks. Every check is made: none is left out because a claim is absent. */

import { algorithmNamed } from "./algorithms.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { isAbsentOr, isNumericDate, isString, isText } from "./claim-types.ts";
import { parseCompactJws, parseJsonObject } from "./compact.ts";
import type { JwsFault, JwsHeader } from "./compact.ts";
import type { VerificationKey } from "./jwk.ts";
import { verifySignature } from "./verify.ts";

/** RFC 9068 §2.2: all of these are there, and of these types, once a token is verified. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly client_id: string;
  /** Seconds since the epoch, like `iat` and `nbf`. */
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  readonly nbf?: number;
  readonly scope?: string;
  /** Of a session's token. */
  readonly sid?: string;
  readonly auth_time?: number;
  readonly [claim: string]: unknown;
}

export interface AccessTokenHeader extends JwsHeader {
  readonly kid: string;
  readonly typ: string;
}

/** Why a token is refused. Stable words; none of them holds anything of the token. */
export type AccessTokenFault =
  | JwsFault
  | "wrong_type"
  | "unsupported_algorithm"
  | "no_kid"
  | "unknown_key"
  | "wrong_key"
  | "bad_signature"
  | "claims_not_json"
  | "claim_member"
  | "wrong_issuer"
  | "wrong_audience"
  | "expired"
  | "not_yet_valid";

export interface ClaimExpectations {
  /** Compared as it is written. */
  readonly issuer: string;
  /** One of the token's audiences. Undefined: the caller judges `aud` itself, as /introspect does. */
  readonly audience?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** For `exp`, `nbf` and `iat` alike. */
  readonly clockToleranceMillis: number;
}

export interface AccessTokenOptions extends ClaimExpectations {
  /** The key of that name for that algorithm, or undefined. A plain look-up: `kid` comes from a stranger. */
  readonly keyFor: (kid: string, algorithm: SignatureAlgorithm) => VerificationKey | undefined;
}

type Refusal = { readonly ok: false; readonly reason: AccessTokenFault };

export type AccessTokenResult = { readonly ok: true; readonly claims: AccessTokenClaims; readonly header: AccessTokenHeader } | Refusal;

/** Verifies an access token whole: form, type, algorithm, key, signature, claims. */
export function verifyAccessToken(token: string, options: AccessTokenOptions): AccessTokenResult {
  const jws = parseCompactJws(token);
  if (!jws.ok) return jws;
  const checked = checkAccessTokenHeader(jws.header);
  if (!checked.ok) return checked;

  const key = options.keyFor(checked.header.kid, checked.algorithm);
  if (key === undefined) return refuse("unknown_key");
  // The key says which algorithm it is for, whatever the look-up did (RFC 8725 §3.1).
  if (key.algorithm !== checked.algorithm) return refuse("wrong_key");
  if (!verifySignature(key, jws.signingInput, jws.signature)) return refuse("bad_signature");

  const members = parseJsonObject(jws.payload);
  if (members === undefined) return refuse("claims_not_json");
  const claims = checkAccessTokenClaims(members, options);
  return claims.ok ? { ok: true, claims: claims.claims, header: checked.header } : claims;
}

/** What the header alone decides: type, algorithm, and that it names a key. */
export function checkAccessTokenHeader(
  header: JwsHeader,
): { readonly ok: true; readonly header: AccessTokenHeader; readonly algorithm: SignatureAlgorithm } | Refusal {
  const { kid, typ } = header;
  if (typ === undefined || !isAccessTokenType(typ)) return refuse("wrong_type");
  const algorithm = algorithmNamed(header.alg);
  if (algorithm === undefined) return refuse("unsupported_algorithm");
  if (kid === undefined) return refuse("no_kid");
  return { ok: true, header: { ...header, kid, typ }, algorithm };
}

/** What the claims alone decide, of a token whose signature is good. */
export function checkAccessTokenClaims(
  members: Readonly<Record<string, unknown>>,
  expected: ClaimExpectations,
): { readonly ok: true; readonly claims: AccessTokenClaims } | Refusal {
  if (!hasRequiredClaims(members)) return refuse("claim_member");
  if (members.iss !== expected.issuer) return refuse("wrong_issuer");
  if (expected.audience !== undefined && !audiences(members.aud).includes(expected.audience)) return refuse("wrong_audience");

  const { now, clockToleranceMillis: tolerance } = expected;
  // RFC 7519 §4.1.4: on or after `exp` it must not be accepted.
  if (now >= members.exp * 1000 + tolerance) return refuse("expired");
  if (members.nbf !== undefined && now < members.nbf * 1000 - tolerance) return refuse("not_yet_valid");
  if (now < members.iat * 1000 - tolerance) return refuse("not_yet_valid");
  return { ok: true, claims: members };
}

/** RFC 9068 §4, media types being case-insensitive (RFC 7515 §4.1.9). */
function isAccessTokenType(typ: string): boolean {
  const type = typ.toLowerCase();
  return type === "at+jwt" || type === "application/at+jwt";
}

function audiences(aud: string | readonly string[]): readonly string[] {
  return typeof aud === "string" ? [aud] : aud;
}

function hasRequiredClaims(members: Readonly<Record<string, unknown>>): members is AccessTokenClaims {
  return (
    ["iss", "sub", "client_id", "jti"].every((name) => isText(members[name])) &&
    ["exp", "iat"].every((name) => isNumericDate(members[name])) &&
    ["nbf", "auth_time"].every((name) => isAbsentOr(isNumericDate, members[name])) &&
    isAbsentOr(isText, members.sid) &&
    isAbsentOr(isString, members.scope) &&
    isAudience(members.aud)
  );
}

function isAudience(value: unknown): boolean {
  if (isText(value)) return true;
  return Array.isArray(value) && value.length > 0 && value.every(isText);
}

function refuse(reason: AccessTokenFault): Refusal {
  return { ok: false, reason };
}
