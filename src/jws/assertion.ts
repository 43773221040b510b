/** JWTs that others sign for the issuer: client assertions and authorization grants (RFC 7523 §3, RFC 7521 §5). */

import { algorithmNamed } from "./algorithms.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { isAbsentOr, isNumericDate, isText } from "./claim-types.ts";
import { parseCompactJws, parseJsonObject } from "./compact.ts";
import type { CompactJws } from "./compact.ts";
import type { KeySource } from "./jwks.ts";
import { verifySignature } from "./verify.ts";

export interface AssertionClaims {
  readonly iss: string;
  readonly sub: string;
  /** One string: the sole audience (draft-ietf-oauth-rfc7523bis §4; FAPI 2.0 §5.3.2.1). */
  readonly aud: string;
  /** Seconds since the epoch, like `iat` and `nbf`. */
  readonly exp: number;
  readonly iat?: number;
  readonly nbf?: number;
  readonly jti: string;
}

/** What an assertion says, of which nothing is proven. */
export interface ParsedAssertion {
  readonly jws: CompactJws;
  readonly algorithm: SignatureAlgorithm;
  readonly claims: AssertionClaims;
}

export interface AssertionExpectations {
  /** Its `typ` where it has one that is not just `JWT`, without `application/` (RFC 8725 §3.11). */
  readonly type: "client-authentication+jwt" | "authorization-grant+jwt";
  /** The one `aud`. */
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly clockToleranceMillis: number;
}

/** Completes "the assertion …"; fixed texts, none of them holds anything of the assertion. */
export type AssertionFault = string;

export type AssertionResult = ({ readonly ok: true } & ParsedAssertion) | { readonly ok: false; readonly fault: AssertionFault };

const MAX_AHEAD_MILLIS = 300_000;
const MAX_JTI_LENGTH = 256;
/** Signatures that one assertion without a `kid` may cost. */
const MAX_TRIES = 8;

/** Everything but whose it is and whether it is signed. */
export function parseAssertion(assertion: string, expected: AssertionExpectations): AssertionResult {
  const jws = parseCompactJws(assertion);
  if (!jws.ok) return refuse("is no JWT in the JWS Compact Serialization");
  if (!isType(jws.header.typ, expected.type)) return refuse("is a JWT of another type");
  const algorithm = algorithmNamed(jws.header.alg);
  if (algorithm === undefined) return refuse("must be signed with ES256 or Ed25519 (EdDSA)");
  const claims = parseJsonObject(jws.payload);
  if (claims === undefined || !hasRequiredClaims(claims)) return refuse("needs iss, sub, one aud, exp and jti, of the right types");
  if (claims.aud !== expected.audience) return refuse("must have the issuer as its sole aud, as a string");
  const fault = timeFault(claims, expected);
  return fault === undefined ? { ok: true, jws, algorithm, claims } : refuse(fault);
}

/** Whether one of its owner's keys signed it. Rejects with `FetchError` where the keys can't be had. */
export async function isSigned({ jws, algorithm }: ParsedAssertion, keys: KeySource): Promise<boolean> {
  const fitting = await keys.keysFor(jws.header.kid, algorithm);
  return fitting.slice(0, MAX_TRIES).some((key) => verifySignature(key, jws.signingInput, jws.signature));
}

function isType(typ: string | undefined, expected: string): boolean {
  if (typ === undefined) return true;
  const type = typ.toLowerCase().replace(/^application\//, "");
  return type === "jwt" || type === expected;
}

function hasRequiredClaims(claims: Readonly<Record<string, unknown>>): claims is Readonly<Record<string, unknown>> & AssertionClaims {
  return (
    ["iss", "sub", "aud", "jti"].every((name) => isText(claims[name])) &&
    String(claims.jti).length <= MAX_JTI_LENGTH &&
    isNumericDate(claims.exp) &&
    ["iat", "nbf"].every((name) => isAbsentOr(isNumericDate, claims[name]))
  );
}

/** RFC 7523 §3 items 4 to 6: what lives long would have to be remembered for long. */
function timeFault({ exp, iat, nbf }: AssertionClaims, { now, clockToleranceMillis }: AssertionExpectations): string | undefined {
  if (now >= exp * 1000 + clockToleranceMillis) return "has expired";
  if (exp * 1000 > now + MAX_AHEAD_MILLIS + clockToleranceMillis) return "must expire within 5 minutes";
  const isAhead = [iat, nbf].some((time) => time !== undefined && time * 1000 > now + clockToleranceMillis);
  return isAhead ? "is not valid yet" : undefined;
}

function refuse(fault: AssertionFault): AssertionResult {
  return { ok: false, fault };
}
