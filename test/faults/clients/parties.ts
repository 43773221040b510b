/** Who is known to the issuers of a drill: clients, the login that asserts subjects, a few accounts. */

import { createHash } from "node:crypto";
import type { ConfigDocument } from "../../../src/config.ts";
import { newParty } from "../../support/assertions.ts";
import type { Party } from "../../support/assertions.ts";

export const RESOURCE = "https://api.example.com";
export const LOGIN_ISSUER = "https://login.example.net";
export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** Of the confidential client, and of every account: canaries, long enough to be looked for. */
export const SECRET = "faults-canary-of-the-backend-client";
export const PASSWORD = "faults canary of every account";

export interface Parties {
  /** Signs assertions: a login that costs no password hash. */
  readonly login: Party;
}

export function newParties(): Parties {
  return { login: newParty("EdDSA", "login-1") };
}

export function partySettings({ login }: Parties): Partial<ConfigDocument> {
  const common = { resources: [RESOURCE], scopes: ["read", "write"], sessions: true } as const;
  return {
    resources: [{ id: RESOURCE, scopes: ["read", "write"] }],
    clients: [
      { ...common, id: "app", type: "public", grants: ["login", "refresh_token", JWT_BEARER], refreshTokenDelivery: "body" },
      {
        ...common,
        id: "backend",
        type: "confidential",
        secretSha256: createHash("sha256").update(SECRET).digest("hex"),
        grants: ["refresh_token", JWT_BEARER],
      },
    ],
    trustedIssuers: [{ issuer: LOGIN_ISSUER, jwks: login.jwks, subjectPrefix: "ext:", clients: ["app", "backend"] }],
  };
}
