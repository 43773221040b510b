/** Who asks (RFC 6749 §2.3, §3.2.1). */

import { utf8 } from "../domain/bytes.ts";
import type { Client } from "../domain/policy.ts";
import { type Refusal, refusal } from "../domain/refusal.ts";
import type { Context } from "./context.ts";
import type { ClientCredentials } from "./types.ts";

const NOBODY = new Uint8Array(32);

/** One answer for an unknown client, a wrong secret and a wrong method, after the same work. */
export function authenticateClient(context: Context, credentials: ClientCredentials): Client | Refusal {
  const client = context.policy.clients.get(credentials.clientId);
  const isProven = credentials.method === "none" ? client?.type === "public" : isSecretOf(context, client, credentials.secret);
  return client !== undefined && isProven ? client : refusal("invalid_client", "client authentication failed");
}

function isSecretOf(context: Context, client: Client | undefined, secret: string): boolean {
  const isEqual = context.digests.equal(context.digests.sha256(utf8(secret)), client?.secretSha256 ?? NOBODY);
  return isEqual && client?.type === "confidential" && client.secretSha256 !== undefined;
}
