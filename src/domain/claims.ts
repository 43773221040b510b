/** An account's own claims, which go into its access tokens beside the ones that the issuer makes. */

import { utf8 } from "./bytes.ts";
import { parseStrictJson } from "./json.ts";

const ISSUERS = "iss sub aud client_id iat exp nbf jti scope sid auth_time";
const POWERS = "cnf act may_act authorization_details";
const ID_TOKENS = "acr amr azp nonce at_hash c_hash s_hash";
const INTROSPECTION = "active token_type username token_introspection";

/**
 * Names that no account may have: what the issuer says itself (RFC 9068 §2.2), what would give a token powers (RFC 7800
 * §3.1, RFC 8693 §4, RFC 9396 §9), what would let it pass for an ID token (OpenID Connect Core §2), and the members
 * of an introspection answer that are not claims (RFC 7662 §2.2).
 */
export const RESERVED_CLAIMS: readonly string[] = [ISSUERS, POWERS, ID_TOKENS, INTROSPECTION].flatMap((names) => names.split(" "));

/** Bytes of the claims as compact JSON: they are copied into every session and every access token. */
export const CLAIMS_MAX_BYTES = 4_096;

export type ClaimsResult =
  | { readonly ok: true; readonly claims: Record<string, unknown> }
  /** One sentence without any value. */
  | { readonly ok: false; readonly message: string };

/** Reads an account's claims: a strict JSON object, at most 4 KiB, without reserved names. */
export function parseClaims(text: string): ClaimsResult {
  const parsed = parseStrictJson(text);
  if (!parsed.ok) return refused(`the claims can't be read: ${parsed.message}`);
  const { value } = parsed;
  if (!isObject(value)) return refused("the claims must be a JSON object");
  const reserved = RESERVED_CLAIMS.filter((name) => Object.hasOwn(value, name));
  if (reserved.length > 0) return refused(`reserved claim names: ${reserved.join(", ")}`);
  if (utf8(JSON.stringify(value)).length > CLAIMS_MAX_BYTES) return refused(`the claims are longer than ${CLAIMS_MAX_BYTES} bytes`);
  return { ok: true, claims: value };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(message: string): ClaimsResult {
  return { ok: false, message };
}
