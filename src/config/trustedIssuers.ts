/** What must hold between trusted issuers, and between them and the clients. */

import { JWT_BEARER } from "../domain/policy.ts";
import type { SeenSettings } from "./document.ts";
import type { Place } from "./place.ts";
import type { Surroundings } from "./surroundings.ts";

const NO_END = "ends in neither : nor . so accounts made before may have a sub that begins with it by chance; doctor looks for them";

type SeenIssuer = NonNullable<NonNullable<SeenSettings["trustedIssuers"]>[number]>;

export function checkTrustedIssuers(settings: SeenSettings, issuer: string | undefined, { warn }: Surroundings, root: Place): void {
  const listed = new Set<string | undefined>();
  settings.trustedIssuers?.forEach((trusted, index) => {
    if (trusted === undefined) return;
    const place = root.member("trustedIssuers").item(index);
    if (Object.hasOwn(trusted, "jwks") === Object.hasOwn(trusted, "jwksUri")) place.fault("expected one of jwks and jwksUri");
    if (trusted.issuer !== undefined && trusted.issuer === issuer) place.member("issuer").fault("is this issuer itself: expected another");
    checkPrefix(trusted, settings, place);
    if (trusted.subjectPrefix !== undefined && !/[.:]$/.test(trusted.subjectPrefix))
      warn(`${place.member("subjectPrefix").path}: ${NO_END}`);
    checkItsClients(trusted, settings, place);
    trusted.clients?.forEach((id) => listed.add(id));
  });
  settings.clients?.forEach((client, index) => {
    const grant = client?.grants?.indexOf(JWT_BEARER) ?? -1;
    if (grant < 0 || client?.id === undefined || listed.has(client.id)) return;
    const { path } = root.member("clients").item(index).member("grants").item(grant);
    warn(`${path}: no trusted issuer lists this client, so the grant gives it nothing`);
  });
}

/** `a` and `ab` would let the first assert subjects of the second. */
function checkPrefix({ subjectPrefix }: SeenIssuer, settings: SeenSettings, place: Place): void {
  if (subjectPrefix === undefined) return;
  const others = settings.trustedIssuers?.filter((other) => other?.subjectPrefix !== undefined) ?? [];
  const meeting = others.filter((other) => other?.subjectPrefix?.startsWith(subjectPrefix));
  // One of them is this very entry.
  if (meeting.length > 1) place.member("subjectPrefix").fault("is the beginning of another's, or the same: subjects of the two could meet");
}

function checkItsClients({ clients }: SeenIssuer, settings: SeenSettings, place: Place): void {
  const known = new Map(settings.clients?.map((client) => [client?.id, client?.grants]));
  clients?.forEach((id, index) => {
    if (id === undefined || settings.clients === undefined || settings.clients.includes(undefined)) return;
    const itemPlace = place.member("clients").item(index);
    if (!known.has(id)) itemPlace.fault("expected the id of one of clients");
    else if (known.get(id)?.includes(JWT_BEARER) === false) itemPlace.fault("this client lacks the grant jwt-bearer");
  });
}
