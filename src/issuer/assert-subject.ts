/** The JWT bearer grant (RFC 7523 §2.1): a trusted issuer's assertion for a session, without an account of ours. */

import { grantResources } from "../domain/grants.ts";
import { JWT_BEARER, type TrustedIssuer } from "../domain/policy.ts";
import { subjectKeyOf } from "../domain/refresh-token.ts";
import { isRefusal, type Refusal, refusal } from "../domain/refusal.ts";
import type { ParsedAssertion } from "../jws/index.ts";
import { type Begun, beginSession, endReplaced, replacedBy } from "./begin-session.ts";
import type { AssertionParts } from "./parts.ts";
import type { Recognized } from "./refresh-tokens.ts";
import type { AssertSubjectRequest, TokenGrant } from "./types.ts";

const MAX_SUB_LENGTH = 255;
const CONTROL = /\p{Cc}/u;

/** One answer to whoever asks; the operator is told which. */
const UNPROVEN = refusal("invalid_grant", "the assertion is not of an issuer that is trusted for this client, or not signed by it");
const UNTRUSTED = { ...UNPROVEN, reason: "its iss is no trusted issuer" };
const UNLISTED = { ...UNPROVEN, reason: "its issuer is not trusted for this client" };
const UNSIGNED = { ...UNPROVEN, reason: "no key of its issuer signed it: see kid and the JWK Set" };
const BAD_SUB = refusal("invalid_grant", "the assertion's sub can't be a subject here");
const TAKEN = refusal("invalid_grant", "the assertion was used before: each is good once");

export async function assertSubject(parts: AssertionParts, request: AssertSubjectRequest): Promise<TokenGrant | Refusal> {
  const { context, keyRing } = parts;
  const { client, address } = request;
  keyRing.notBefore();
  const replaced = await replacedBy(parts, request.replaces);
  const answer = await begin(parts, request, replaced);
  const outcome = isRefusal(answer)
    ? { outcome: "refused" as const, reason: reasonOf(answer) }
    : { outcome: "granted" as const, sub: answer.sub, sid: answer.sid };
  context.emit({ event: "login", by: "assertion", clientId: client.id, address, ...outcome });
  if (isRefusal(answer)) return answer;
  await endReplaced(parts, client, replaced);
  return answer.grant;
}

function reasonOf(answer: Refusal & { readonly reason?: string }): string {
  return answer.reason ?? answer.description;
}

/** Whatever can be refused is refused before the assertion is taken. */
async function begin(parts: AssertionParts, request: AssertSubjectRequest, replaced: Recognized | undefined): Promise<Begun | Refusal> {
  const { context, assertions, subjects } = parts;
  const { client, resource, scope, userAgent } = request;
  if (!client.grants.includes(JWT_BEARER)) return refusal("unauthorized_client", "this client may not use assertions as a grant");
  const parsed = assertions.parse(request.assertion, "authorization-grant+jwt");
  if (!parsed.ok) return refusal("invalid_grant", `the assertion ${parsed.fault}`);
  const trusted = await trustedIssuer(parts, request, parsed);
  if (isRefusal(trusted)) return trusted;
  const sub = trusted.subjectPrefix + parsed.claims.sub;
  if (sub.length > MAX_SUB_LENGTH || CONTROL.test(sub) || context.policy.clients.has(sub)) return BAD_SUB;
  const granted = grantResources(context.policy, client, resource === undefined ? [] : [resource], scope);
  if (isRefusal(granted)) return granted;

  if (!(await assertions.take(parsed))) return TAKEN;
  const { iat } = parsed.claims;
  // A second is all that `iat` tells, and its end is the latest that is meant.
  const vouchedAt = iat === undefined ? undefined : Math.floor(iat) * 1_000 + 999;
  const wanted = { client, sub, granted, userAgent, replaced, vouchedAt };
  const subjectKey = subjectKeyOf(context.policy.issuer, sub, context.digests);
  return subjects.settleInTurn(subjectKey, (loaded) => beginSession(parts, wanted, loaded));
}

async function trustedIssuer(
  { context, assertions }: AssertionParts,
  { client }: AssertSubjectRequest,
  parsed: ParsedAssertion,
): Promise<TrustedIssuer | Refusal> {
  const trusted = context.policy.trustedIssuers.get(parsed.claims.iss);
  if (trusted === undefined) return UNTRUSTED;
  if (!trusted.clients.includes(client.id)) return UNLISTED;
  return (await assertions.isSigned(parsed, trusted.jwks)) ? trusted : UNSIGNED;
}
