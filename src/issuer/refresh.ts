/** Presenting a refresh token: sign first, then swap, then answer. */

import { isRefusal, type Refusal, refusal } from "../domain/refusal.ts";
import { lengthPrefixed } from "../domain/bytes.ts";
import { selectAccess } from "../domain/grants.ts";
import type { Client, Policy } from "../domain/policy.ts";
import type { Bytes } from "../domain/ports.ts";
import type { ParsedRefreshToken } from "../domain/refresh-token.ts";
import { present, type PresentPolicy, type Session } from "../domain/session.ts";
import { livingSession, replaceSession, type SubjectDocument } from "../domain/subject.ts";
import type { Context } from "./context.ts";
import type { MacKey } from "./key-ring.ts";
import type { SessionParts } from "./parts.ts";
import { recognize, type Recognized, sessionMembers } from "./refresh-tokens.ts";
import type { Loaded } from "./subjects.ts";
import type { RefreshRequest, TokenGrant } from "./types.ts";

const REFUSED = refusal("invalid_grant", "the refresh token is not valid, or its session is over");
/** The same to whoever asks; the edge also takes a cookie back that is good for nothing any more. */
const OVER: Refusal = { ...REFUSED, isSessionOver: true };

export async function refresh(parts: SessionParts, request: RefreshRequest): Promise<TokenGrant | Refusal> {
  const { context, subjects } = parts;
  const presentedAt = context.clock();
  const token = await recognize(parts, request.refreshToken);
  if (token === undefined) {
    context.emit({ event: "refresh", outcome: "malformed", clientId: request.client.id });
    return REFUSED;
  }
  const exchangeKey = request.idempotencyKey === undefined ? undefined : exchangeKeyOf(context, token.sid, request.idempotencyKey);
  try {
    const presented = { ...token, exchangeKey, presentedAt };
    return await subjects.settleInTurn(token.subjectKey, (loaded) => presentOnce(parts, request, presented, loaded));
  } catch (error) {
    context.emit({ event: "refresh", outcome: "unavailable", clientId: request.client.id });
    throw error;
  }
}

/** A refresh token as it came. */
interface Presented extends Recognized {
  readonly exchangeKey: Bytes | undefined;
  readonly presentedAt: number;
}

/** One try; undefined where the swap was lost. */
async function presentOnce(
  parts: SessionParts,
  request: RefreshRequest,
  token: Presented,
  loaded: Loaded,
): Promise<TokenGrant | Refusal | undefined> {
  const { context, keyRing, subjects, ends, reach } = parts;
  const { client } = request;
  const session = livingSession(loaded.document, token.sid, keyRing.notBefore());
  const mac = keyRing.activeMac();
  const presented = present(
    session,
    { clientId: client.id, generation: token.generation, exchangeKey: token.exchangeKey },
    presentPolicy(context.policy, client),
    { now: context.clock(), presentedAt: token.presentedAt, macVersion: mac.version, downtime: reach.downtime() },
  );
  const { document } = loaded;
  if (session === undefined || document === undefined) return unknown(parts, client, isReplaced(document, token.sid));

  const tell = (): void =>
    context.emit({ event: "refresh", outcome: presented.outcome, clientId: client.id, sub: document.sub, sid: session.sid });
  switch (presented.outcome) {
    case "rotated":
    case "healed":
    case "kept":
    case "retried": {
      const answer = await grantOf(parts, request, token, document.sub, presented.session, mac);
      if (isRefusal(answer)) return answer;
      if (presented.outcome !== "retried" && !(await subjects.swap(loaded, replaceSession(document, presented.session), false)))
        return undefined;
      tell();
      return answer;
    }
    case "replayed": {
      // The verdict is stored before it is told: a refused presentation must not be forgotten.
      await ends.endThese(loaded, token.subjectKey, [session.sid], ends.endOf(client.id, "replayed"));
      tell();
      return OVER;
    }
    default:
      tell();
      return presented.outcome === "client_mismatch" ? REFUSED : OVER;
  }
}

/** Its browser has logged in anew, and what this answer would take back may be the cookie of the new session. */
function isReplaced(document: SubjectDocument | undefined, sid: string): boolean {
  return document?.marks.some((mark) => mark.sid === sid && mark.reason === "replaced") === true;
}

function presentPolicy({ clockSkewMillis, heal }: Policy, client: Client): PresentPolicy {
  const { rotates, retryWindowMillis, keyedRetryWindowMillis, idleLifetimeMillis } = client;
  return { rotates, retryWindowMillis, keyedRetryWindowMillis, idleLifetimeMillis, clockSkewMillis, heal };
}

async function unknown({ context, marker }: SessionParts, client: Client, isReplacedOne: boolean): Promise<Refusal> {
  await marker.trustAbsence();
  context.emit({ event: "refresh", outcome: "unknown", clientId: client.id });
  return isReplacedOne ? REFUSED : OVER;
}

async function grantOf(
  parts: SessionParts,
  request: RefreshRequest,
  token: ParsedRefreshToken,
  sub: string,
  session: Session,
  mac: MacKey,
): Promise<TokenGrant | Refusal> {
  const { client, resource, scope } = request;
  const access = selectAccess(parts.context.policy, client, session.resources, resource, scope);
  if (isRefusal(access)) return access;
  const minted = await parts.tokens.mint(client, access, sub, session);
  return { ...minted, ...sessionMembers(parts, client, session, token.subjectKey, token.handle, mac) };
}

/** Keys of different sessions never meet, and the store learns none of them. */
function exchangeKeyOf(context: Context, sid: string, idempotencyKey: string): Bytes {
  return context.digests.sha256(lengthPrefixed(sid, idempotencyKey)).subarray(0, 16);
}
