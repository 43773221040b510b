/** Refresh tokens by the ring's MAC keys: whether one is ours, and how one is spelled. */

import type { Client } from "../domain/policy.ts";
import type { Bytes } from "../domain/ports.ts";
import { type ParsedRefreshToken, parseRefreshToken, sidOf, spellRefreshToken, truncatedMac } from "../domain/refresh-token.ts";
import { type Session, sessionEndsAt } from "../domain/session.ts";
import type { KeyRing, MacKey } from "./key-ring.ts";
import type { SessionParts } from "./parts.ts";
import { type TokenGrant, UnavailableError } from "./types.ts";

type KnownMacs = ReturnType<KeyRing["macs"]> & {};

export interface Recognized extends ParsedRefreshToken {
  readonly sid: string;
}

/**
 * A refresh token whose MAC is ours, and the session it names; undefined for any other text. No store call, and no promise
 * but where the MAC key is one that this node has yet to read.
 */
export function recognize(parts: SessionParts, text: string): Recognized | undefined | Promise<Recognized | undefined> {
  const token = parseRefreshToken(text);
  if (token === undefined) return undefined;
  const macs = parts.keyRing.macs(token.macVersion);
  if (macs !== undefined) return proven(parts, token, macs);
  return reloaded(parts.keyRing, token.macVersion).then((read) => proven(parts, token, read));
}

function proven({ context, keyRing }: SessionParts, token: ParsedRefreshToken, macs: KnownMacs): Recognized | undefined {
  if (macs === "over") {
    // Only a clock that agrees with the store's may say that a key's time is over.
    keyRing.notBefore();
    return undefined;
  }
  if (!macs.some((mac) => context.digests.equal(truncatedMac(mac, token.signed), token.mac))) return undefined;
  return { ...token, sid: sidOf(token.handle, context.digests) };
}

/** The ring, read again, has no such MAC key. */
class UnknownMacKeyError extends UnavailableError {}

/** A version that this node does not know may be newer than its view: nobody is logged out for that. */
async function reloaded(keyRing: KeyRing, version: number): Promise<KnownMacs> {
  await keyRing.reloadIfOld();
  const macs = keyRing.macs(version);
  if (macs !== undefined) return macs;
  if (keyRing.hasMacVersion(version)) throw new UnavailableError("the refresh token's MAC key can't be opened here");
  throw new UnknownMacKeyError("the refresh token's MAC key is not known here");
}

/**
 * The same for a token whose session is not judged, only to make room: one that names a MAC key which the ring does not have
 * is no token of ours. A browser that keeps such a cookie could not log in any more.
 */
export async function recognizeIfKnown(parts: SessionParts, text: string): Promise<Recognized | undefined> {
  try {
    return await recognize(parts, text);
  } catch (error) {
    if (error instanceof UnknownMacKeyError) return undefined;
    throw error;
  }
}

/** The refresh token of a session's current generation, spelled with the MAC key that was active when it began. */
export function sessionMembers(
  { context, keyRing }: SessionParts,
  client: Client,
  session: Session,
  subjectKey: Bytes,
  handle: Bytes,
  active: MacKey,
): Pick<TokenGrant, "refreshToken" | "refreshTokenExpiresInSeconds" | "sid"> {
  const { generation, macVersion, sid } = session;
  const macs = macVersion === active.version ? [active.hmac] : keyRing.macs(macVersion);
  const hmac = macs === "over" ? undefined : macs?.[0];
  if (hmac === undefined) throw new UnavailableError("the MAC key of the session's generation is not known here");
  const endsInMillis = sessionEndsAt(session, client.idleLifetimeMillis) - context.clock();
  return {
    refreshToken: spellRefreshToken({ macVersion, subjectKey, handle, generation }, hmac),
    refreshTokenExpiresInSeconds: Math.max(0, Math.floor(endsInMillis / 1_000)),
    sid,
  };
}
