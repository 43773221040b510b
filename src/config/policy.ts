import { SESSIONS_SCOPE } from "../domain/policy.ts";
import type { Client, JwksLocation, Policy, Resource, TrustedIssuer } from "../domain/policy.ts";
import type { ClientSettings, ResourceSettings, Settings } from "./document.ts";

/** The policy that faultless settings stand for. */
export function policyOf(settings: Settings, issuer: string): Policy {
  const resources = settings.resources.map((resource) => resourceOf(resource, settings));
  const clients = settings.clients.map((client) => clientOf(client, settings, issuer));
  if (clients.some((client) => client.sessions)) resources.push(issuersOwn(settings, issuer));
  const { keys, login, refreshToken } = settings;
  return {
    issuer,
    clockSkewMillis: settings.clockSkew,
    resources: new Map(resources.map((resource) => [resource.id, resource])),
    clients: new Map(clients.map((client) => [client.id, client])),
    trustedIssuers: new Map(settings.trustedIssuers.map((trusted) => [trusted.issuer, trustedIssuerOf(trusted)])),
    keys: {
      algorithms: keys.algorithms,
      defaultAlgorithm: keys.defaultAlgorithm,
      rotateEveryMillis: keys.rotateEvery === "never" ? undefined : keys.rotateEvery,
      stageForMillis: keys.stageFor,
      jwksMaxAgeMillis: keys.jwksMaxAge,
      countFetches: keys.countFetches,
    },
    login,
    heal: refreshToken.heal,
    maxSessionsPerSubjectAndClient: refreshToken.maxSessionsPerSubjectAndClient,
  };
}

/** An access token lives the shortest of three lifetimes: the general one is folded into the other two. */
function accessTokenLifetime(own: number | undefined, settings: Settings): number {
  return Math.min(own ?? Infinity, settings.accessToken.lifetime);
}

function resourceOf(resource: ResourceSettings, settings: Settings): Resource {
  return {
    id: resource.id,
    scopes: resource.scopes,
    algorithm: resource.algorithm ?? settings.keys.defaultAlgorithm,
    edAlgName: resource.edAlgName,
    accessTokenLifetimeMillis: accessTokenLifetime(resource.accessTokenLifetime, settings),
  };
}

function issuersOwn(settings: Settings, issuer: string): Resource {
  return {
    id: issuer,
    scopes: [SESSIONS_SCOPE],
    algorithm: settings.keys.defaultAlgorithm,
    edAlgName: "EdDSA",
    accessTokenLifetimeMillis: settings.accessToken.lifetime,
  };
}

function clientOf(client: ClientSettings, settings: Settings, issuer: string): Client {
  const { refreshToken } = settings;
  const location = locationOf(client);
  return {
    id: client.id,
    type: client.type,
    ...(client.secretSha256 && { secretSha256: client.secretSha256 }),
    ...(location && { jwks: location }),
    grants: client.grants,
    refreshTokenDelivery: client.refreshTokenDelivery,
    allowedOrigins: client.allowedOrigins,
    resources: client.sessions ? [...client.resources, issuer] : client.resources,
    scopes: client.scopes,
    sessions: client.sessions,
    rotates: client.rotation === "always",
    retryWindowMillis: client.retryWindow ?? refreshToken.retryWindow,
    keyedRetryWindowMillis: client.keyedRetryWindow ?? refreshToken.keyedRetryWindow,
    idleLifetimeMillis: client.idleLifetime ?? refreshToken.idleLifetime,
    absoluteLifetimeMillis: client.absoluteLifetime ?? refreshToken.absoluteLifetime,
    accessTokenLifetimeMillis: accessTokenLifetime(client.accessTokenLifetime, settings),
  };
}

function trustedIssuerOf(trusted: Settings["trustedIssuers"][number]): TrustedIssuer {
  const { issuer, subjectPrefix, clients } = trusted;
  const jwks = locationOf(trusted);
  if (jwks === undefined) throw new TypeError("a trusted issuer without keys is refused before this");
  return { issuer, jwks, subjectPrefix, clients };
}

function locationOf({ jwks, jwksUri }: Pick<ClientSettings, "jwks" | "jwksUri">): JwksLocation | undefined {
  if (jwks !== undefined) return { jwks };
  return jwksUri === undefined ? undefined : { jwksUri };
}
