/** A subject's own view of its sessions: list them, end one, end all. */

import { SESSIONS_SCOPE } from "../domain/policy.ts";
import { subjectKeyOf } from "../domain/refresh-token.ts";
import { type Refusal, refusal } from "../domain/refusal.ts";
import { scopeOf, type Session, sessionEndsAt } from "../domain/session.ts";
import { livingSession, type NotBefore, type SubjectDocument } from "../domain/subject.ts";
import type { Context } from "./context.ts";
import type { SessionParts } from "./parts.ts";
import { accessToken, findLiving } from "./token-sessions.ts";
import type { AuthorizedOwner, Done, SessionListing, SessionOwner, TokenSession } from "./types.ts";

const BAD_TOKEN = refusal("invalid_token", "the access token is not valid");

/** RFC 6750 §3.1. */
export async function authorizeSessions(parts: SessionParts, token: string): Promise<AuthorizedOwner | Refusal> {
  parts.keyRing.notBefore();
  const claims = parts.tokens.read(token, parts.context.policy.issuer);
  if (claims?.sid === undefined) return BAD_TOKEN;
  if (claims.scope?.split(" ").includes(SESSIONS_SCOPE) !== true) return refusal("insufficient_scope", "the scope sessions is needed");
  const { subjectKey } = accessToken(parts, claims);
  const living = await findLiving(parts, subjectKey, claims.sid);
  return living === undefined ? BAD_TOKEN : { sub: living.sub, clientId: claims.client_id, sid: claims.sid };
}

export function sessionOfAccessToken(parts: SessionParts, token: string): TokenSession | Refusal {
  parts.keyRing.notBefore();
  const claims = parts.tokens.read(token, undefined);
  if (claims?.sid === undefined) return BAD_TOKEN;
  return { clientId: claims.client_id, sid: claims.sid, subjectKey: accessToken(parts, claims).subjectKey };
}

/** Ends the session; one that is over already is over. */
export async function logOut({ ends }: SessionParts, { clientId, sid, subjectKey }: TokenSession): Promise<Done> {
  await ends.endSession(subjectKey, sid, ends.endOf(clientId, "logout"));
  return { done: true };
}

export async function listSessions(parts: SessionParts, sub: string): Promise<readonly SessionListing[]> {
  const { context, keyRing, subjects } = parts;
  const { document } = await subjects.load(subjectKeyOf(context.policy.issuer, sub, context.digests));
  return document === undefined ? [] : livingSessions(context, document, keyRing.notBefore()).map((session) => listing(context, session));
}

export function livingSessions(context: Context, document: SubjectDocument, notBefore: NotBefore): readonly Session[] {
  const now = context.clock();
  return document.sessions.filter(
    (session) => livingSession(document, session.sid, notBefore) !== undefined && now < endsAt(context, session),
  );
}

export function listing(context: Context, session: Session): SessionListing {
  return {
    sid: session.sid,
    clientId: session.clientId,
    createdAt: session.createdAt,
    lastUsedAt: session.generationAt,
    expiresAt: endsAt(context, session),
    scope: scopeOf(session),
    userAgent: session.userAgent,
  };
}

function endsAt(context: Context, session: Session): number {
  return sessionEndsAt(session, context.policy.clients.get(session.clientId)?.idleLifetimeMillis ?? Infinity);
}

export async function endOwnSession(parts: SessionParts, owner: SessionOwner, sid: string): Promise<boolean> {
  const { context, subjects, ends } = parts;
  const subjectKey = subjectKeyOf(context.policy.issuer, owner.sub, context.digests);
  const { document } = await subjects.load(subjectKey);
  const session = document?.sessions.find((candidate) => candidate.sid === sid);
  const isMarked = document?.marks.some((mark) => mark.sid === sid) === true;
  if (session === undefined && !isMarked) return false;
  await ends.endSession(subjectKey, sid, ends.endOf(session?.clientId, "ended_by_subject"));
  return true;
}

export async function endOwnSessions(parts: SessionParts, owner: SessionOwner, except: "none" | "current"): Promise<void> {
  const { context, ends } = parts;
  const subjectKey = subjectKeyOf(context.policy.issuer, owner.sub, context.digests);
  const end = ends.endOf(undefined, "ended_by_subject");
  if (except === "none") {
    await ends.endAll(subjectKey, owner.sub, end);
    return;
  }
  await ends.endSome(subjectKey, ({ sessions }) => sessions.map(({ sid }) => sid).filter((sid) => sid !== owner.sid), end);
}
