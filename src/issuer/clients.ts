/** Who asks (RFC 6749 §2.3, §3.2.1; RFC 7523 §2.2). */

import { utf8 } from "../domain/bytes.ts";
import type { Client } from "../domain/policy.ts";
import { type Refusal, refusal } from "../domain/refusal.ts";
import type { AssertionParts } from "./parts.ts";
import type { Context } from "./context.ts";
import type { ClientCredentials } from "./types.ts";

const NOBODY = new Uint8Array(32);
const FAILED = refusal("invalid_client", "client authentication failed");
const TAKEN = refusal("invalid_client", "the assertion was used before: each is good once");

type Assertion = ClientCredentials & { readonly method: "private_key_jwt" };
type Other = Exclude<ClientCredentials, Assertion>;

/** A promise only for an assertion. */
export function authenticateClient(parts: AssertionParts, credentials: ClientCredentials): Client | Refusal | Promise<Client | Refusal> {
  return credentials.method === "private_key_jwt" ? proven(parts, credentials) : known(parts.context, credentials);
}

/** One answer for an unknown client, a wrong secret and a wrong method, after the same work. */
function known(context: Context, credentials: Other): Client | Refusal {
  const client = context.policy.clients.get(credentials.clientId);
  const isProven = credentials.method === "none" ? client?.type === "public" : isSecretOf(context, client, credentials.secret);
  return client !== undefined && isProven ? client : FAILED;
}

function isSecretOf(context: Context, client: Client | undefined, secret: string): boolean {
  const isEqual = context.digests.equal(context.digests.sha256(utf8(secret)), client?.secretSha256 ?? NOBODY);
  return isEqual && client?.type === "confidential" && client.secretSha256 !== undefined;
}

/** RFC 7523 §3: `iss` and `sub` are the client; RFC 7521 §4.2: so is `client_id`, where it is sent. */
async function proven(parts: AssertionParts, { clientId, assertion }: Assertion): Promise<Client | Refusal> {
  const { context, keyRing, assertions } = parts;
  keyRing.notBefore();
  const parsed = assertions.parse(assertion, "client-authentication+jwt");
  if (!parsed.ok) return refusal("invalid_client", `the assertion ${parsed.fault}`);
  const { iss, sub } = parsed.claims;
  const client = context.policy.clients.get(sub);
  if (iss !== sub || (clientId ?? sub) !== sub || client?.jwks === undefined) return FAILED;
  if (!(await assertions.isSigned(parsed, client.jwks))) {
    context.emit({ event: "assertion_refused", clientId: client.id, reason: "no key of the client signed it: see kid and its JWK Set" });
    return FAILED;
  }
  return (await assertions.take(parsed)) ? client : TAKEN;
}
