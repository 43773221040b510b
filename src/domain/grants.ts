/** Which resources and scopes a session gets, and which an access token gets of those (RFC 6749 §3.3, RFC 8707 §2). */

import { type Client, type Policy, type Resource, SESSIONS_SCOPE } from "./policy.ts";
import { type Refusal, refusal } from "./refusal.ts";
import type { GrantedResource } from "./session.ts";

const SCOPE_TOKENS = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** The scopes named, without repetition; undefined where the text is no scope (RFC 6749 §3.3). */
export function parseScope(text: string): readonly string[] | undefined {
  return SCOPE_TOKENS.test(text) ? [...new Set(text.split(" "))] : undefined;
}

/** What a client may have of a resource, by the configuration of now. */
function allowedScopes(policy: Policy, client: Client, resource: Resource): readonly string[] {
  const offered = resource.id === policy.issuer ? [SESSIONS_SCOPE] : resource.scopes;
  return offered.filter((scope) => isAllowed(policy, client, resource, scope));
}

function isAllowed(policy: Policy, client: Client, resource: Resource, scope: string): boolean {
  if (resource.id === policy.issuer) return client.sessions && scope === SESSIONS_SCOPE;
  return resource.scopes.includes(scope) && client.scopes.includes(scope);
}

/**
 * The resources of a new session: those named, or all of the client's; the issuer's own always, last. `scope` narrows.
 */
export function grantResources(
  policy: Policy,
  client: Client,
  named: readonly string[],
  scope: string | undefined,
): readonly GrantedResource[] | Refusal {
  if (named.some((id) => !client.resources.includes(id))) return refusal("invalid_target", "this client has no such resource");
  const asked = scope === undefined ? undefined : parseScope(scope);
  if (scope !== undefined && asked === undefined) return refusal("invalid_scope", "scope is malformed");
  const own = client.sessions ? [policy.issuer] : [];
  const ids = named.length === 0 ? client.resources : client.resources.filter((id) => named.includes(id) || own.includes(id));
  const offered = ids.flatMap((id) => {
    const resource = policy.resources.get(id);
    return resource === undefined ? [] : [{ id, scopes: allowedScopes(policy, client, resource) }];
  });
  if (asked?.some((wanted) => !offered.some(({ scopes }) => scopes.includes(wanted))))
    return refusal("invalid_scope", "this client can't have that scope");
  if (asked === undefined) return inOrder(policy, offered, named);
  const narrowed = offered.map(({ id, scopes }) => ({
    id,
    scopes: id === policy.issuer ? scopes : scopes.filter((one) => asked.includes(one)),
  }));
  const kept = narrowed.filter(({ id, scopes }) => scopes.length > 0 || named.includes(id));
  return inOrder(policy, kept, named);
}

/** As they were named, the issuer's own last whatever its place there; the first one is the session's default. */
function inOrder(policy: Policy, granted: readonly GrantedResource[], named: readonly string[]): readonly GrantedResource[] {
  const place = (id: string): number => (named.includes(id) && id !== policy.issuer ? named.indexOf(id) : named.length);
  return granted.toSorted((a, b) => place(a.id) - place(b.id));
}

export interface AccessGrant {
  readonly resource: Resource;
  readonly scopes: readonly string[];
}

/** What one access token of these grants is for: the resource asked for or the first, with the scopes it still may have. */
export function selectAccess(
  policy: Policy,
  client: Client,
  granted: readonly GrantedResource[],
  resourceId: string | undefined,
  scope: string | undefined,
): AccessGrant | Refusal {
  const isMeant = (id: string): boolean => resourceId === undefined || id === resourceId;
  const chosen = granted.find(({ id }) => isMeant(id) && client.resources.includes(id) && policy.resources.has(id));
  const resource = chosen === undefined ? undefined : policy.resources.get(chosen.id);
  if (chosen === undefined || resource === undefined) return refusal("invalid_target", "the grant does not cover that resource");
  const scopes = chosen.scopes.filter((one) => isAllowed(policy, client, resource, one));
  if (scope === undefined) return { resource, scopes };
  const asked = parseScope(scope);
  if (asked === undefined) return refusal("invalid_scope", "scope is malformed");
  if (asked.some((one) => !scopes.includes(one))) return refusal("invalid_scope", "scope exceeds what was granted");
  return { resource, scopes: asked };
}

/** Milliseconds: the shortest of the client's and the resource's. */
export function accessTokenLifetime(client: Client, resource: Resource): number {
  return Math.min(client.accessTokenLifetimeMillis, resource.accessTokenLifetimeMillis);
}

/** The longest access token that a client can get: how long an end of its sessions has to be remembered. */
export function longestAccessTokenLifetime(policy: Policy, clientId: string | undefined): number {
  const client = clientId === undefined ? undefined : policy.clients.get(clientId);
  const resources = [...policy.resources.values()];
  if (client === undefined) return Math.max(0, ...resources.map((resource) => resource.accessTokenLifetimeMillis));
  return Math.max(0, ...resources.map((resource) => accessTokenLifetime(client, resource)));
}
