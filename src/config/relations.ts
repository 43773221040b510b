/** What must hold between members: issuer, keys, lifetimes, resources, trusted issuers. */

import { isLoopback, isWildcard, originOf } from "./addresses.ts";
import { checkClients } from "./clientRelations.ts";
import type { SeenSettings } from "./document.ts";
import type { Place } from "./place.ts";
import { noteReserved } from "./reserved.ts";
import type { Surroundings } from "./surroundings.ts";
import { checkTrustedIssuers } from "./trustedIssuers.ts";

/** Notes everything wrong; undefined members already have their fault. */
export function checkRelations(settings: SeenSettings, surroundings: Surroundings, root: Place): void {
  const issuer = issuerOf(settings);
  checkIssuer(settings, issuer, surroundings, root);
  checkOps(settings, root.member("ops"));
  checkKeys(settings, surroundings, root.member("keys"));
  checkLifetimes(settings, root.member("refreshToken"));
  checkResources(settings, issuer, root.member("resources"));
  checkClients(settings, issuer, surroundings, root.member("clients"));
  checkTrustedIssuers(settings, issuer, surroundings, root);
}

/** As configured, or the origin of the address on which the issuer listens. */
export function issuerOf(settings: SeenSettings): string | undefined {
  const { host, port } = settings.listen ?? {};
  if (Object.hasOwn(settings, "issuer")) return settings.issuer;
  return host === undefined || !port ? undefined : originOf(host, port);
}

function checkIssuer(settings: SeenSettings, issuer: string | undefined, { production, warn }: Surroundings, root: Place): void {
  const { host, port } = settings.listen ?? {};
  const isDerived = !Object.hasOwn(settings, "issuer") && host !== undefined && port !== undefined;
  if (issuer === undefined) {
    if (isDerived)
      root.member("issuer").fault("is missing: it can't be made from this listen.host and listen.port (port 0 is any free one)");
    return;
  }
  if (issuer.startsWith("http:") && !isLoopback(issuer)) {
    const advice = "an http: issuer that is not on loopback lets anyone between change the keys: use https:";
    if (production) root.member("issuer").fault(`expected https: in production; ${advice}`);
    else warn(`issuer: ${advice} (refused in production)`);
  }
  if (isDerived && isWildcard(host))
    warn("issuer: is missing and listen.host means every interface: no client can use the issuer made from it");
}

/** One port is not had twice; port 0 is another each time. */
function checkOps({ listen, ops }: SeenSettings, place: Place): void {
  if (!listen?.host || !ops || !ops.host || !ops.port || ops.port !== listen.port) return;
  const areApart = listen.host !== ops.host && !isWildcard(listen.host) && !isWildcard(ops.host);
  if (!areApart) place.member("port").fault("expected another port than listen.port");
}

function checkKeys(settings: SeenSettings, surroundings: Surroundings, place: Place): void {
  const { algorithms, defaultAlgorithm, stageFor, jwksMaxAge, store, macStore, otherStores, folder } = settings.keys ?? {};
  if (algorithms !== undefined && defaultAlgorithm !== undefined && !algorithms.includes(defaultAlgorithm)) {
    place.member("defaultAlgorithm").fault("expected one of keys.algorithms");
  }
  if (stageFor !== undefined && jwksMaxAge !== undefined && stageFor < jwksMaxAge) {
    place.member("stageFor").fault("expected at least keys.jwksMaxAge: verifiers must have seen a key before it signs");
  }
  if ((store?.kind === "shared" || macStore?.kind === "shared") && !surroundings.hasEncryptionKey) {
    place.member("encryptionKeyFile").fault('is missing: keys in "shared" need it, or MINTMARK_KEY_ENCRYPTION_KEY');
  }
  // Key files are in one folder; a key is found by the scheme of its URI.
  const others = otherStores ?? [];
  const folders = new Set([store, macStore, ...others].flatMap((target) => (target?.kind === "file" ? [target.path] : [])));
  if (folder !== undefined) folders.add(folder);
  if (folders.size > 1) place.member("folder").fault("expected one folder in keys.store, keys.macStore, keys.otherStores and keys.folder");
  others.forEach((target, index) => {
    if (target === undefined || target.kind === "file" || target.kind === "shared") return;
    const isTwice = store?.kind === target.kind || others.slice(0, index).some((other) => other?.kind === target.kind);
    if (isTwice) place.member("otherStores").item(index).fault(`expected no second ${target.kind}: a key is found by its scheme`);
  });
  if (surroundings.production && stageFor !== undefined && stageFor < 24 * 3_600_000) {
    surroundings.warn("keys.stageFor: under 24h some verifiers in the field have not seen a key when it begins to sign");
  }
}

function checkLifetimes(settings: SeenSettings, place: Place): void {
  const { idleLifetime, absoluteLifetime } = settings.refreshToken ?? {};
  if (idleLifetime === undefined || absoluteLifetime === undefined || idleLifetime <= absoluteLifetime) return;
  place.member("idleLifetime").fault("expected at most refreshToken.absoluteLifetime");
}

function checkResources(settings: SeenSettings, issuer: string | undefined, places: Place): void {
  const algorithms = settings.keys?.algorithms;
  settings.resources?.forEach((resource, index) => {
    const place = places.item(index);
    if (resource?.id !== undefined && resource.id === issuer) {
      place.member("id").fault("is the issuer: its own resource is there where a client has sessions: true");
    }
    if (resource?.algorithm !== undefined && algorithms !== undefined && !algorithms.includes(resource.algorithm)) {
      place.member("algorithm").fault("expected one of keys.algorithms");
    }
    noteReserved(resource?.scopes, place.member("scopes"));
  });
}
