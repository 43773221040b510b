/** For `doctor`: whether the keys of clients and trusted issuers that are elsewhere can be had, and are of use. */

import type { JwksLocation } from "../domain/policy.ts";
import { type FetchDocument, FetchError, type StoreFinding } from "../domain/ports.ts";
import { type JwksFault, parseJwks } from "../jws/index.ts";
import type { Context } from "./context.ts";

const FAULTS: Readonly<Record<JwksFault, string>> = {
  not_json: "answers something else than JSON",
  not_a_set: "answers something else than a JWK Set",
  too_many_keys: "has more keys than are read",
  no_usable_key: "has no key for ES256 or EdDSA (P-256 or Ed25519)",
};

export async function inspectJwks({ policy, fetchDocument }: Pick<Context, "policy" | "fetchDocument">): Promise<StoreFinding[]> {
  const owners = [
    ...[...policy.clients.values()].map(({ id, jwks }) => ({ subject: `keys of client ${id}`, jwks })),
    ...[...policy.trustedIssuers.values()].map(({ issuer, jwks }) => ({ subject: `keys of ${issuer}`, jwks })),
  ];
  return Promise.all(owners.flatMap(({ subject, jwks }) => (isElsewhere(jwks) ? [inspect(subject, jwks.jwksUri, fetchDocument)] : [])));
}

function isElsewhere(jwks: JwksLocation | undefined): jwks is JwksLocation & { readonly jwksUri: string } {
  return jwks !== undefined && "jwksUri" in jwks;
}

async function inspect(subject: string, url: string, fetchDocument: FetchDocument): Promise<StoreFinding> {
  const advice =
    "see jwksUri, and outgoing.allowedNetworks where its host has no public address; until then its assertions are answered 503";
  try {
    const result = parseJwks((await fetchDocument(url)).body);
    if (!result.ok) return { severity: "warning", subject, finding: `${new URL(url).origin} ${FAULTS[result.reason]}`, advice };
    return { severity: "ok", subject, finding: `${result.keys.length} of use` };
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return { severity: "warning", subject, finding: error.message, advice };
  }
}
