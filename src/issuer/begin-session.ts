/** How a session begins, whoever vouches for its subject. */

import { selectAccess } from "../domain/grants.ts";
import type { Client } from "../domain/policy.ts";
import { HANDLE_BYTES, sidOf, subjectKeyOf } from "../domain/refresh-token.ts";
import { isRefusal, type Refusal, refusal } from "../domain/refusal.ts";
import type { GrantedResource, Session } from "../domain/session.ts";
import { addSession, earliestLogin, emptySubject, loginTime, type SubjectDocument, supernumerary } from "../domain/subject.ts";
import { userAgentLabel } from "../domain/user-agent.ts";
import type { SessionParts } from "./parts.ts";
import { recognizeIfKnown, type Recognized, sessionMembers } from "./refresh-tokens.ts";
import type { Loaded } from "./subjects.ts";
import type { TokenGrant } from "./types.ts";

const VOUCHED_BEFORE = refusal("invalid_grant", "the subject's sessions were ended after the assertion was signed");

export interface NewSession {
  readonly client: Client;
  readonly sub: string;
  /** A JSON object's text. */
  readonly claims?: string | undefined;
  readonly granted: readonly GrantedResource[];
  readonly userAgent: string | undefined;
  /** When whoever vouches for the subject did so, at the latest; undefined: just now. What ended since counts. */
  readonly vouchedAt?: number | undefined;
  /** The session it takes the place of, which ends when this one has begun: see `endReplaced`. */
  readonly replaced: Recognized | undefined;
}

export interface Begun {
  readonly grant: TokenGrant;
  readonly sub: string;
  readonly sid: string;
}

/** One try; undefined where the swap was lost. */
export async function beginSession(parts: SessionParts, wanted: NewSession, loaded: Loaded): Promise<Begun | Refusal | undefined> {
  const { context, keyRing, tokens, ends, subjects } = parts;
  const { client, sub, granted } = wanted;
  const document = subjects.pruned(loaded.document ?? emptySubject(sub));
  const { vouchedAt = Infinity } = wanted;
  if (vouchedAt <= earliestLogin(document, client.id, keyRing.notBefore())) return VOUCHED_BEFORE;
  const subjectKey = subjectKeyOf(context.policy.issuer, sub, context.digests);
  const staying = { ...document, sessions: document.sessions.filter((session) => !isReplaced(session, client, wanted.replaced)) };
  const crowd = supernumerary(staying, client.id, context.policy.maxSessionsPerSubjectAndClient).map(({ sid }) => sid);
  if (crowd.length > 0) {
    // Room is made first; the login then goes on with what is left.
    await ends.endThese(loaded, subjectKey, crowd, ends.endOf(client.id, "too_many"));
    return undefined;
  }
  const handle = context.random(HANDLE_BYTES);
  const mac = keyRing.activeMac();
  const session = newSession(parts, wanted, document, sidOf(handle, context.digests), mac.version);
  const access = selectAccess(context.policy, client, granted, undefined, undefined);
  if (isRefusal(access)) return access;
  const minted = await tokens.mint(client, access, sub, session);
  if (!(await subjects.swap(loaded, addSession(document, session), true))) return undefined;
  const refreshable = client.grants.includes("refresh_token")
    ? sessionMembers(parts, client, session, subjectKey, handle, mac)
    : { sid: session.sid };
  return { grant: { ...minted, ...refreshable }, sub, sid: session.sid };
}

function newSession(
  { context, keyRing }: SessionParts,
  { client, claims, granted, userAgent }: NewSession,
  document: SubjectDocument,
  sid: string,
  macVersion: number,
): Session {
  const createdAt = loginTime(document, client.id, keyRing.notBefore(), context.clock());
  return {
    sid,
    clientId: client.id,
    createdAt,
    absoluteEndAt: createdAt + client.absoluteLifetimeMillis,
    generation: 1,
    generationAt: createdAt,
    macVersion,
    oldestInWindow: 1,
    checkpoints: [],
    userAgent: userAgentLabel(userAgent),
    resources: granted,
    ...(claims === undefined ? {} : { claims }),
  };
}

/** What a request says it replaces, found before anything is changed; undefined where that is no token of ours. */
export async function replacedBy(parts: SessionParts, refreshToken: string | undefined): Promise<Recognized | undefined> {
  return refreshToken === undefined ? undefined : recognizeIfKnown(parts, refreshToken);
}

function isReplaced({ sid, clientId }: Session, client: Client, replaced: Recognized | undefined): boolean {
  return sid === replaced?.sid && clientId === client.id;
}

/** A new session over one that lives ends the old one (ASVS 7.2.4): after it has begun, so that nobody is left with none. */
export async function endReplaced({ ends }: SessionParts, client: Client, replaced: Recognized | undefined): Promise<void> {
  if (replaced === undefined) return;
  await ends.endSome(
    replaced.subjectKey,
    ({ sessions }) => sessions.filter((session) => isReplaced(session, client, replaced)).map(({ sid }) => sid),
    ends.endOf(client.id, "replaced"),
  );
}
