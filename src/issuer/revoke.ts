/** Token revocation (RFC 7009): a token of a session ends the session. */

import { type Refusal, refusal } from "../domain/refusal.ts";
import type { SessionParts } from "./parts.ts";
import { isOfAnother, OF_ANOTHER, readToken } from "./token-sessions.ts";
import type { Done, TokenRequest } from "./types.ts";

const DONE: Done = { done: true };

export async function revoke(parts: SessionParts, { client, token }: TokenRequest): Promise<Done | Refusal> {
  parts.keyRing.notBefore();
  const own = await readToken(parts, token);
  // RFC 7009 §2.2: what is no token of ours needs no revocation.
  if (own === undefined) return DONE;
  if (own.kind === "access" && own.claims.client_id !== client.id) return OF_ANOTHER;
  if (own.sid === undefined) return refusal("unsupported_token_type", "an access token without a session can not be revoked");
  const { sid, subjectKey } = own;
  if (await isOfAnother(parts, client, { subjectKey, sid })) return OF_ANOTHER;
  await parts.ends.endSession(subjectKey, sid, parts.ends.endOf(client.id, "revoked"));
  return DONE;
}
