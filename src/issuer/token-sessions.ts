/** Which session a token of ours belongs to, whoever holds it: for revocation, introspection, logout and `/sessions`. */

import type { Client } from "../domain/policy.ts";
import type { Bytes } from "../domain/ports.ts";
import { subjectKeyOf } from "../domain/refresh-token.ts";
import { type Refusal, refusal } from "../domain/refusal.ts";
import { type Session, sessionEndsAt } from "../domain/session.ts";
import { livingSession } from "../domain/subject.ts";
import type { AccessTokenClaims } from "../jws/index.ts";
import type { SessionParts } from "./parts.ts";
import { recognize, recognizeIfKnown } from "./refresh-tokens.ts";
import type { TokenSession } from "./types.ts";

export type OwnToken =
  | { readonly kind: "refresh"; readonly subjectKey: Bytes; readonly sid: string; readonly generation: number }
  | { readonly kind: "access"; readonly claims: AccessTokenClaims; readonly subjectKey: Bytes; readonly sid: string | undefined };

/** Undefined for whatever is not a token of ours that is good by its own form. No store call. */
export async function readToken(parts: SessionParts, token: string): Promise<OwnToken | undefined> {
  const refresh = await recognize(parts, token);
  if (refresh !== undefined) return { kind: "refresh", subjectKey: refresh.subjectKey, sid: refresh.sid, generation: refresh.generation };
  const claims = parts.tokens.read(token, undefined);
  return claims === undefined ? undefined : accessToken(parts, claims);
}

export function accessToken({ context }: SessionParts, claims: AccessTokenClaims): OwnToken {
  return { kind: "access", claims, sid: claims.sid, subjectKey: subjectKeyOf(context.policy.issuer, claims.sub, context.digests) };
}

export const OF_ANOTHER = refusal("invalid_grant", "the token was issued to another client");

/** Whether the store has the session as another client's; one that is over is nobody's. */
export async function isOfAnother(
  { subjects }: SessionParts,
  client: Client,
  { subjectKey, sid }: { subjectKey: Bytes; sid: string },
): Promise<boolean> {
  const { document } = await subjects.load(subjectKey);
  const session = document?.sessions.find((candidate) => candidate.sid === sid);
  return session !== undefined && session.clientId !== client.id;
}

/** Whose session a refresh token is of; undefined where it is none of ours. */
export async function sessionOfRefreshToken(
  parts: SessionParts,
  client: Client,
  token: string,
): Promise<TokenSession | Refusal | undefined> {
  parts.keyRing.notBefore();
  const own = await recognizeIfKnown(parts, token);
  if (own === undefined) return undefined;
  if (await isOfAnother(parts, client, own)) return OF_ANOTHER;
  return { clientId: client.id, sid: own.sid, subjectKey: own.subjectKey };
}

export interface LivingSession {
  readonly sub: string;
  readonly session: Session;
}

/** The session if it lives now. Throws `UnavailableError` where the store was emptied: absence proves nothing then. */
export async function findLiving(parts: SessionParts, subjectKey: Bytes, sid: string): Promise<LivingSession | undefined> {
  const { context, keyRing, subjects, marker } = parts;
  const { document } = await subjects.load(subjectKey);
  const session = livingSession(document, sid, keyRing.notBefore());
  if (document === undefined || session === undefined) {
    await marker.trustAbsence();
    return undefined;
  }
  const idleLifetimeMillis = context.policy.clients.get(session.clientId)?.idleLifetimeMillis ?? Infinity;
  return context.clock() < sessionEndsAt(session, idleLifetimeMillis) ? { sub: document.sub, session } : undefined;
}
