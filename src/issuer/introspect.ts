/** Token introspection (RFC 7662): what a token is worth now, to those it concerns. */

import type { SessionParts } from "./parts.ts";
import type { Client } from "../domain/policy.ts";
import { scopeOf, sessionEndsAt } from "../domain/session.ts";
import { findLiving, type OwnToken, readToken } from "./token-sessions.ts";
import type { Introspection, TokenRequest } from "./types.ts";

const INACTIVE: Introspection = { active: false };

/** RFC 7662 §2.2: everything that is not the caller's business looks like a token that is not active. */
export async function introspect(parts: SessionParts, { client, token }: TokenRequest): Promise<Introspection> {
  parts.keyRing.notBefore();
  const own = await readToken(parts, token);
  if (own === undefined) return INACTIVE;
  return own.kind === "access" ? ofAccessToken(parts, client, own) : ofRefreshToken(parts, client, own);
}

async function ofAccessToken(
  parts: SessionParts,
  client: Client,
  { claims, sid, subjectKey }: OwnToken & { kind: "access" },
): Promise<Introspection> {
  if (typeof claims.aud !== "string" || !client.resources.includes(claims.aud)) return INACTIVE;
  if (claims.exp * 1_000 <= parts.context.clock()) return INACTIVE;
  if (sid !== undefined && (await findLiving(parts, subjectKey, sid)) === undefined) return INACTIVE;
  return { ...claims, active: true, token_type: "Bearer" };
}

async function ofRefreshToken(
  parts: SessionParts,
  client: Client,
  { sid, subjectKey, generation }: OwnToken & { kind: "refresh" },
): Promise<Introspection> {
  const living = await findLiving(parts, subjectKey, sid);
  if (living === undefined || living.session.clientId !== client.id || living.session.generation !== generation) return INACTIVE;
  const { session, sub } = living;
  return {
    active: true,
    iss: parts.context.policy.issuer,
    sub,
    client_id: client.id,
    sid,
    scope: scopeOf(session),
    iat: Math.floor(session.generationAt / 1_000),
    exp: Math.floor(sessionEndsAt(session, client.idleLifetimeMillis) / 1_000),
  };
}
