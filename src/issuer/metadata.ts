/** What the issuer says about itself: RFC 8414, and OpenID discovery for verifiers that know only that. */

import { type Grant, JWT_BEARER, type Policy, SESSIONS_SCOPE } from "../domain/policy.ts";

/** The grants that `/token` answers to. `login` is our own word and stays out. */
export const TOKEN_GRANTS = ["refresh_token", "client_credentials", JWT_BEARER] as const satisfies readonly Grant[];
export type TokenGrantType = (typeof TOKEN_GRANTS)[number];

/** How clients authenticate (RFC 7591 §2). */
const CONFIDENTIAL_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"] as const;
const CLIENT_METHODS = [...CONFIDENTIAL_METHODS, "none"] as const;
/** Of client assertions: what private_key_jwt is verified with. */
const ASSERTION_ALGORITHMS = ["ES256", "EdDSA", "Ed25519"] as const;

/** Authorization server metadata (RFC 8414 §2): what is enforced, no more. */
export function serverMetadata(policy: Policy): Readonly<Record<string, unknown>> {
  const { issuer } = policy;
  const clients = [...policy.clients.values()];
  const scopes = new Set([...policy.resources.values()].filter(({ id }) => id !== issuer).flatMap((resource) => resource.scopes));
  if (clients.some((client) => client.sessions)) scopes.add(SESSIONS_SCOPE);
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    scopes_supported: [...scopes],
    // There is no authorization endpoint.
    response_types_supported: [],
    subject_types_supported: ["public"],
    // Left out, it would mean authorization_code and implicit.
    grant_types_supported: TOKEN_GRANTS.filter((grant) => clients.some((client) => client.grants.includes(grant))),
    token_endpoint_auth_methods_supported: CLIENT_METHODS,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: CLIENT_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_methods_supported: CONFIDENTIAL_METHODS,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  };
}

/** OpenID provider metadata (OpenID Connect Discovery 1.0 §3), which demands the algorithms; no ID token is ever issued. */
export function openIdMetadata(policy: Policy): Readonly<Record<string, unknown>> {
  const resources = [...policy.resources.values()];
  const names = resources.map(({ algorithm, edAlgName }) => (algorithm === "EdDSA" ? edAlgName : algorithm));
  return { ...serverMetadata(policy), id_token_signing_alg_values_supported: [...new Set(names)].sort() };
}
