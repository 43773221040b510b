/** What must hold between the members of a client, and between it and the rest. */

import type { SeenClient, SeenSettings } from "./document.ts";
import type { Place } from "./place.ts";
import type { Surroundings } from "./surroundings.ts";
import { isSameSite } from "./site.ts";
import { JWT_BEARER, SESSIONS_SCOPE } from "../domain/policy.ts";
import { noteReserved } from "./reserved.ts";

export function checkClients(settings: SeenSettings, issuer: string | undefined, { warn }: Surroundings, places: Place): void {
  settings.clients?.forEach((client, index) => {
    if (client === undefined) return;
    const place = places.item(index);
    checkPages(client, issuer, warn, place);
    checkRotation(client, warn, place);
    checkCredentials(client, place);
    checkGrants(client, place);
    checkLifetimes(client, settings, place);
    checkResources(client, settings, issuer, place);
  });
}

/** SameSite=Strict: a browser sends the cookie from pages on the issuer's own site only. */
function checkPages(client: SeenClient, issuer: string | undefined, warn: Surroundings["warn"], place: Place): void {
  const { refreshTokenDelivery, allowedOrigins } = client;
  if (refreshTokenDelivery !== "cookie") return;
  const originsPlace = place.member("allowedOrigins");
  if (allowedOrigins?.length === 0) originsPlace.fault("expected at least one: a cookie is accepted from these origins only");
  allowedOrigins?.forEach((origin, index) => {
    if (origin === undefined || issuer === undefined || isSameSite(origin, issuer)) return;
    const { path } = originsPlace.item(index);
    warn(
      `${path}: is not on the issuer's site, so browsers won't send it the cookie: use hosts such as app.example.com and auth.example.com`,
    );
  });
}

/** RFC 9700 §2.2.2. */
function checkRotation({ rotation, type }: SeenClient, warn: Surroundings["warn"], place: Place): void {
  if (rotation !== "never" || type !== "public") return;
  warn(`${place.member("rotation").path}: a public client's stolen refresh token goes unnoticed where it never rotates`);
}

const CREDENTIALS = ["secretSha256", "jwks", "jwksUri"] as const;

function checkCredentials(client: SeenClient, place: Place): void {
  const given = CREDENTIALS.filter((name) => Object.hasOwn(client, name));
  if (given.includes("jwks") && given.includes("jwksUri")) place.fault("expected one of jwks and jwksUri");
  if (client.type === "confidential" && given.length === 0) {
    place
      .member("secretSha256")
      .fault("is missing: a confidential client has a secret (mintmark clients secret makes one), jwks or jwksUri");
  }
  if (client.type !== "public") return;
  for (const name of given) place.member(name).fault("a public client can't keep a secret: expected none, or the type confidential");
}

function checkGrants(client: SeenClient, place: Place): void {
  const { grants, type } = client;
  if (grants === undefined || grants.includes(undefined)) return;
  const grantsPlace = place.member("grants");
  const opensSessions = grants.includes("login") || grants.includes(JWT_BEARER);
  if (grants.includes("refresh_token") && !opensSessions) {
    grantsPlace
      .item(grants.indexOf("refresh_token"))
      .fault("refresh_token needs the grant login or jwt-bearer: nothing else gives a refresh token");
  }
  if (grants.includes("client_credentials") && type === "public") {
    grantsPlace.item(grants.indexOf("client_credentials")).fault("client_credentials is for confidential clients (RFC 6749 §4.4)");
  }
  if (client.sessions === true && !opensSessions)
    place.member("sessions").fault("needs the grant login or jwt-bearer: this client has no sessions");
}

function checkLifetimes(client: SeenClient, settings: SeenSettings, place: Place): void {
  // Where the client has neither, refreshToken's own fault says it.
  const [ownIdle, ownAbsolute] = [Object.hasOwn(client, "idleLifetime"), Object.hasOwn(client, "absoluteLifetime")];
  if (!ownIdle && !ownAbsolute) return;
  const idle = ownIdle ? client.idleLifetime : settings.refreshToken?.idleLifetime;
  const absolute = ownAbsolute ? client.absoluteLifetime : settings.refreshToken?.absoluteLifetime;
  if (idle === undefined || absolute === undefined || idle <= absolute) return;
  place
    .member(ownIdle ? "idleLifetime" : "absoluteLifetime")
    .fault("idle lifetime above absolute lifetime (what the client leaves out is refreshToken's)");
}

function checkResources(client: SeenClient, settings: SeenSettings, issuer: string | undefined, place: Place): void {
  const { resources, scopes } = client;
  noteReserved(scopes, place.member("scopes"));
  if (resources?.length === 0 && client.sessions === false)
    place.member("resources").fault("expected at least one: without a resource there is no access token");
  const known = new Map(settings.resources?.map((resource) => [resource?.id, resource?.scopes]));
  let isComplete = resources !== undefined && settings.resources !== undefined;
  const granted = new Set<string | undefined>();
  resources?.forEach((id, index) => {
    const itsScopes = id === undefined ? undefined : known.get(id);
    itsScopes?.forEach((scope) => granted.add(scope));
    isComplete &&= itsScopes !== undefined && !itsScopes.includes(undefined);
    if (id === undefined || known.has(id) || settings.resources === undefined) return;
    const isIssuer = id === issuer;
    place
      .member("resources")
      .item(index)
      .fault(isIssuer ? "is the issuer: a client has it by sessions: true" : "expected the id of one of resources");
  });
  scopes?.forEach((scope, index) => {
    if (!isComplete || scope === undefined || scope === SESSIONS_SCOPE || granted.has(scope)) return;
    place.member("scopes").item(index).fault("expected a scope of one of the client's resources");
  });
}
