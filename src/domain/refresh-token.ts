/**
 * How a refresh token is spelled: `mmr_` and the base64url of 63 bytes: MAC key version 1, subject key 16, session
 * handle 24, generation 4 (big-endian), MAC 18 over all before it. Opaque to everyone but the issuer.
 */

import { base64url, ByteReader, ByteWriter, fromBase64url, lengthPrefixed } from "./bytes.ts";
import type { Bytes, Digests } from "./ports.ts";

const PREFIX = "mmr_";
const SPELLED_LENGTH = 84;
const SIGNED_BYTES = 45;
const MAC_BYTES = 18;
const SUBJECT_KEY_BYTES = 16;

export const HANDLE_BYTES = 24;
export const MAX_GENERATION = 0xffff_ffff;

export interface RefreshToken {
  readonly macVersion: number;
  /** 16 bytes; addresses the subject's document. */
  readonly subjectKey: Bytes;
  /** 24 random bytes; only the holder and we have seen them. */
  readonly handle: Bytes;
  readonly generation: number;
}

export interface ParsedRefreshToken extends RefreshToken {
  /** What the MAC covers. */
  readonly signed: Bytes;
  readonly mac: Bytes;
}

/** Undefined for anything that is not spelled like a refresh token. The MAC is not checked here. */
export function parseRefreshToken(text: string): ParsedRefreshToken | undefined {
  if (text.length !== PREFIX.length + SPELLED_LENGTH || !text.startsWith(PREFIX)) return undefined;
  const bytes = fromBase64url(text.slice(PREFIX.length));
  if (bytes === undefined) return undefined;
  const reader = new ByteReader(bytes);
  return {
    macVersion: reader.byte(),
    subjectKey: reader.raw(SUBJECT_KEY_BYTES),
    handle: reader.raw(HANDLE_BYTES),
    generation: reader.uint32(),
    mac: reader.raw(MAC_BYTES),
    signed: bytes.subarray(0, SIGNED_BYTES),
  };
}

/** The truncated MAC of `signed` under a key's HMAC-SHA-256. */
export function truncatedMac(hmac: (data: Bytes) => Bytes, signed: Bytes): Bytes {
  return hmac(signed).subarray(0, MAC_BYTES);
}

/** The same token for the same arguments: a retry spells what the first answer spelled. */
export function spellRefreshToken(token: RefreshToken, hmac: (data: Bytes) => Bytes): string {
  const { macVersion, subjectKey, handle, generation } = token;
  const signed = new ByteWriter().byte(macVersion).raw(subjectKey).raw(handle).uint32(generation).finish();
  return PREFIX + base64url(signed) + base64url(truncatedMac(hmac, signed));
}

/** The public identifier of the session with this handle: 22 characters. */
export function sidOf(handle: Bytes, digests: Digests): string {
  return base64url(digests.sha256(handle).subarray(0, 16));
}

/** 16 bytes. Length prefixes keep subjects of different issuers apart. */
export function subjectKeyOf(issuer: string, sub: string, digests: Digests): Bytes {
  return digests.sha256(lengthPrefixed(issuer, sub)).subarray(0, 16);
}
