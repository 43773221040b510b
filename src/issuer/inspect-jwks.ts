/** For `doctor`: whether the keys of clients and trusted issuers can be had, and are of use. */

import type { JwksLocation } from "../domain/policy.ts";
import { FetchError, type StoreFinding } from "../domain/ports.ts";
import { importJwks, JWKS_FAULTS, parseJwks } from "../jws/index.ts";
import type { Context } from "./context.ts";

type Findings = Pick<StoreFinding, "severity" | "finding" | "advice">;

const UNUSABLE = "each key needs kty and crv of P-256 or Ed25519, a point of that curve, no use but sig, and a kid of its own";

export async function inspectJwks(context: Pick<Context, "policy" | "fetchDocument">): Promise<StoreFinding[]> {
  const { clients, trustedIssuers } = context.policy;
  const owners = [
    ...[...clients.values()].flatMap(({ id, jwks }) => (jwks === undefined ? [] : [{ subject: `keys of client ${id}`, jwks }])),
    ...[...trustedIssuers.values()].map(({ issuer, jwks }) => ({ subject: `keys of ${issuer}`, jwks })),
  ];
  const found: StoreFinding[] = [];
  // One after the other: a thousand clients are no reason for a thousand connections.
  for (const { subject, jwks } of owners) found.push({ subject, ...(await inspect(context, jwks)) });
  return found;
}

async function inspect({ fetchDocument }: Pick<Context, "fetchDocument">, location: JwksLocation): Promise<Findings> {
  if ("jwks" in location) return ofUse(importJwks(location.jwks.keys).length, location.jwks.keys.length);
  const advice =
    "see jwksUri; a host without a public address needs outgoing.allowedNetworks, a certificate of your own authority NODE_EXTRA_CA_CERTS. Until then its assertions are answered 503";
  try {
    const set = parseJwks((await fetchDocument(location.jwksUri)).body);
    if (set.ok) return { severity: "ok", finding: `${set.keys.length} of use` };
    return {
      severity: "warning",
      finding: `the JWK Set of ${new URL(location.jwksUri).origin} can't be used: ${JWKS_FAULTS[set.reason]}`,
      advice,
    };
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return { severity: "warning", finding: error.message, advice };
  }
}

/** Of another kind, faulty, or more than one under a `kid`. */
function ofUse(usable: number, all: number): Findings {
  const finding = `${usable} of ${all} of use`;
  return usable === all ? { severity: "ok", finding } : { severity: usable === 0 ? "fault" : "warning", finding, advice: UNUSABLE };
}
