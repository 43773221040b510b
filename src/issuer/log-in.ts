/** The built-in login: an account's password for a session. */

import type { Account } from "../domain/documents.ts";
import { grantResources } from "../domain/grants.ts";
import { normalizePassword, normalizeUsername } from "../domain/password-policy.ts";
import { QueueFullError } from "../domain/ports.ts";
import { subjectKeyOf } from "../domain/refresh-token.ts";
import { isRefusal, type Refusal, refusal } from "../domain/refusal.ts";
import type { LoginOutcome } from "../domain/events.ts";
import type { GrantedResource } from "../domain/session.ts";
import { type Begun, beginSession, endReplaced, replacedBy } from "./begin-session.ts";
import { REQUEST_BUDGET_MILLIS } from "./context.ts";
import type { LoginParts } from "./parts.ts";
import type { Recognized } from "./refresh-tokens.ts";
import { type LogInRequest, type TokenGrant, UnavailableError } from "./types.ts";

type Named = LogInRequest & { readonly network: string };

const INVALID = refusal("invalid_credentials", "user name or password is wrong");

export async function logIn(parts: LoginParts, request: LogInRequest): Promise<TokenGrant | Refusal> {
  const { context, keyRing } = parts;
  const { client, address } = request;
  keyRing.notBefore();
  const tell = (outcome: LoginOutcome, known: { sub?: string; sid?: string } = {}): void =>
    context.emit({ event: "login", by: "password", outcome, clientId: client.id, address, ...known });
  if (!client.grants.includes("login")) {
    tell("refused");
    return refusal("unauthorized_client", "this client may not log users in");
  }
  const granted = grantResources(context.policy, client, request.resources, request.scope);
  if (isRefusal(granted)) {
    tell("refused");
    return granted;
  }
  const { network = address } = request;
  const named = { ...request, network, username: normalizeUsername(request.username), password: normalizePassword(request.password) };
  const replaced = await replacedBy(parts, request.replaces);
  const answer = await parts.throttle.inTurn(named.username, network, () => check(parts, named, granted, replaced));
  if (isRefusal(answer)) {
    tell(OUTCOMES[answer.refused] ?? "refused");
    return answer;
  }
  tell("granted", { sub: answer.sub, sid: answer.sid });
  await endReplaced(parts, client, replaced);
  return answer.grant;
}

const OUTCOMES: Partial<Record<Refusal["refused"], LoginOutcome>> = {
  invalid_credentials: "invalid_credentials",
  slow_down: "slow_down",
  temporarily_unavailable: "unavailable",
};

/**
 * The subject's document is read before the account is checked and swapped against that value: a password change
 * writes the account first and the document after, so a login of the old password loses its swap.
 */
async function check(
  parts: LoginParts,
  request: Named,
  granted: readonly GrantedResource[],
  replaced: Recognized | undefined,
): Promise<Begun | Refusal> {
  const { context, accounts } = parts;
  const { username, network } = request;
  const deadline = context.clock() + REQUEST_BUDGET_MILLIS * 2;
  let verifiedHash: string | undefined;
  let sub = (await accounts.load(username)).account?.sub;
  for (;;) {
    const subjectKey = subjectKeyOf(context.policy.issuer, sub ?? username, context.digests);
    const loaded = await parts.subjects.load(subjectKey);
    const { account } = await accounts.load(username);
    if (account !== undefined && account.sub !== sub) {
      sub = account.sub;
      continue;
    }
    if (verifiedHash === undefined || account?.passwordHash !== verifiedHash || account.disabled) {
      const slow = await tooMany(parts, username, network);
      if (slow !== undefined) return slow;
      const isRight = await verified(parts, request, account);
      if (isRight !== true) {
        // In a store that was emptied no account is absent for a reason. Asked for a wrong password too: the same work.
        await parts.marker.trustAbsence();
        return isRight;
      }
      verifiedHash = account?.passwordHash;
    }
    if (account === undefined) return INVALID;
    const { claims } = account;
    const wanted = {
      client: request.client,
      sub: account.sub,
      claims: claims === undefined ? undefined : JSON.stringify(claims),
      granted,
      userAgent: request.userAgent,
      replaced,
    };
    const result = await parts.subjects.inTurn(subjectKey, () => beginSession(parts, wanted, loaded));
    if (result !== undefined) {
      if (!isRefusal(result)) parts.throttle.succeeded(username, network);
      return result;
    }
    if (context.clock() >= deadline) throw new UnavailableError("too many changes of one subject at once");
  }
}

async function tooMany({ throttle }: LoginParts, username: string, network: string): Promise<Refusal | undefined> {
  const millis = await throttle.delay(username, network);
  return millis === 0 ? undefined : refusal("slow_down", "too many failed logins", Math.ceil(millis / 1_000));
}

/** The same work and the same answer for an unknown user, a wrong password and a disabled account. */
async function verified(parts: LoginParts, request: Named, account: Account | undefined): Promise<true | Refusal> {
  const { context, throttle } = parts;
  try {
    const isRight = await context.passwords.verify(account?.passwordHash, request.password);
    if (isRight && account !== undefined && !account.disabled) return true;
  } catch (error) {
    if (!(error instanceof QueueFullError)) throw error;
    return refusal("temporarily_unavailable", "too many logins at once", 5);
  }
  throttle.failed(request.username, request.network);
  return INVALID;
}
