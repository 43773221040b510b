/** Reads the JWS Compact Serialization (RFC 7515 §7.1), strictly: what is not certainly a JWS of ours is refused. */

import { fromBase64url, textOf } from "../domain/bytes.ts";
import { parseStrictJson } from "../domain/json.ts";
import type { Bytes } from "../domain/ports.ts";

/** Characters. Far above any token we make, far below what would cost anything to look at. */
export const MAX_COMPACT_JWS_LENGTH = 8192;

/** The protected header. `jku`, `jwk`, `x5u` and `x5c` may stand in it and are never looked at (RFC 8725 §3.10). */
export interface JwsHeader {
  readonly alg: string;
  readonly kid?: string;
  readonly typ?: string;
  readonly [member: string]: unknown;
}

export interface CompactJws {
  readonly header: JwsHeader;
  readonly payload: Bytes;
  /** The first two parts with their dot: what the signature is over. */
  readonly signingInput: string;
  readonly signature: Bytes;
}

/** Why a text is not a JWS we read. Stable words, for tests and logs. */
export type JwsFault =
  | "too_long"
  | "not_three_parts"
  | "not_base64url"
  | "no_signature"
  | "header_not_json"
  | "header_member"
  | "critical_header";

export type CompactJwsResult = ({ readonly ok: true } & CompactJws) | { readonly ok: false; readonly reason: JwsFault };

/** Splits and decodes a compact JWS. Checks no signature and no claim; nothing in the result is to be trusted yet. */
export function parseCompactJws(token: string): CompactJwsResult {
  if (token.length > MAX_COMPACT_JWS_LENGTH) return refuse("too_long");

  const firstDot = token.indexOf(".");
  const secondDot = firstDot < 0 ? -1 : token.indexOf(".", firstDot + 1);
  // A fourth part means a JWE (RFC 7516 §3.1 has five) or rubbish.
  if (secondDot < 0 || token.includes(".", secondDot + 1)) return refuse("not_three_parts");

  const headerBytes = fromBase64url(token.slice(0, firstDot));
  const payload = fromBase64url(token.slice(firstDot + 1, secondDot));
  const signature = fromBase64url(token.slice(secondDot + 1));
  if (headerBytes === undefined || payload === undefined || signature === undefined) return refuse("not_base64url");
  if (signature.length === 0) return refuse("no_signature");

  const members = parseJsonObject(headerBytes);
  if (members === undefined) return refuse("header_not_json");
  // RFC 7515 §4.1.11: an extension that is not understood must be refused, and we understand none. `b64` is one
  // (RFC 7797 §6 wants it in `crit`; without that a reader would take the payload for something else).
  if (Object.hasOwn(members, "crit") || Object.hasOwn(members, "b64")) return refuse("critical_header");
  const header = readHeader(members);
  if (header === undefined) return refuse("header_member");

  return { ok: true, header, payload, signingInput: token.slice(0, secondDot), signature };
}

/** A JSON object in UTF-8 without BOM and without repeated members, or undefined. Shared by headers and claims. */
export function parseJsonObject(bytes: Bytes): Readonly<Record<string, unknown>> | undefined {
  const text = decodeUtf8(bytes);
  if (text === undefined) return undefined;
  const parsed = parseStrictJson(text);
  if (!parsed.ok || !isObject(parsed.value)) return undefined;
  return parsed.value;
}

function decodeUtf8(bytes: Bytes): string | undefined {
  try {
    return textOf(bytes);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readHeader(members: Readonly<Record<string, unknown>>): JwsHeader | undefined {
  const alg = members.alg;
  const kid = members.kid;
  const typ = members.typ;
  if (typeof alg !== "string" || alg === "") return undefined;
  if (kid !== undefined && (typeof kid !== "string" || kid === "")) return undefined;
  if (typ !== undefined && typeof typ !== "string") return undefined;
  return { ...members, alg, ...(kid === undefined ? {} : { kid }), ...(typ === undefined ? {} : { typ }) };
}

function refuse(reason: JwsFault): { readonly ok: false; readonly reason: JwsFault } {
  return { ok: false, reason };
}
