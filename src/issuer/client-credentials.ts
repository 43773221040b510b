/** A client's own access token (RFC 6749 §4.4): no session, no refresh token; its `sub` is the client's id. */

import { grantResources, selectAccess } from "../domain/grants.ts";
import { isRefusal, type Refusal } from "../domain/refusal.ts";
import { SESSIONS_SCOPE } from "../domain/policy.ts";
import type { SessionParts } from "./parts.ts";
import type { ClientCredentialsRequest, TokenGrant } from "./types.ts";

export async function clientCredentials(
  { context, keyRing, tokens }: SessionParts,
  request: ClientCredentialsRequest,
): Promise<TokenGrant | Refusal> {
  const { client, resource, scope } = request;
  keyRing.notBefore();
  const granted = grantResources(context.policy, client, resource === undefined ? [] : [resource], undefined);
  if (isRefusal(granted)) return granted;
  // `/sessions` speaks for a subject; a client alone has none.
  const own = granted.filter(({ id, scopes }) => id !== context.policy.issuer && !scopes.includes(SESSIONS_SCOPE));
  const access = selectAccess(context.policy, client, own, resource, scope);
  if (isRefusal(access)) return access;
  const minted = await tokens.mint(client, access, client.id, undefined);
  context.emit({ event: "client_credentials", clientId: client.id });
  return minted;
}
