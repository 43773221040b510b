/** The built-in login: an account's password for a session. */

import type { Account } from "../domain/documents.ts";
import { grantResources, selectAccess } from "../domain/grants.ts";
import { normalizePassword, normalizeUsername } from "../domain/password-policy.ts";
import { QueueFullError } from "../domain/ports.ts";
import { HANDLE_BYTES, sidOf, subjectKeyOf } from "../domain/refresh-token.ts";
import { isRefusal, type Refusal, refusal } from "../domain/refusal.ts";
import type { LoginOutcome } from "../domain/events.ts";
import type { GrantedResource, Session } from "../domain/session.ts";
import { addSession, emptySubject, loginTime, type SubjectDocument, supernumerary } from "../domain/subject.ts";
import { userAgentLabel } from "../domain/user-agent.ts";
import type { Accounts } from "./accounts.ts";
import { REQUEST_BUDGET_MILLIS } from "./context.ts";
import { type SessionParts, sessionMembers } from "./refresh.ts";
import type { Loaded } from "./subjects.ts";
import type { Throttle } from "./throttle.ts";
import { type LogInRequest, type TokenGrant, UnavailableError } from "./types.ts";

export interface LoginParts extends SessionParts {
  readonly accounts: Accounts;
  readonly throttle: Throttle;
}

const INVALID = refusal("invalid_credentials", "user name or password is wrong");

export async function logIn(parts: LoginParts, request: LogInRequest): Promise<TokenGrant | Refusal> {
  const { context, keyRing } = parts;
  const { client, address } = request;
  keyRing.notBefore();
  const tell = (outcome: LoginOutcome, known: { sub?: string; sid?: string } = {}): void =>
    context.emit({ event: "login", outcome, clientId: client.id, address, ...known });
  if (!client.grants.includes("login")) {
    tell("refused");
    return refusal("unauthorized_client", "this client may not log users in");
  }
  const granted = grantResources(context.policy, client, request.resources, request.scope);
  if (isRefusal(granted)) {
    tell("refused");
    return granted;
  }
  const named = { ...request, username: normalizeUsername(request.username), password: normalizePassword(request.password) };
  const answer = await parts.throttle.inTurn(named.username, address, () => check(parts, named, granted));
  if (isRefusal(answer)) {
    tell(OUTCOMES[answer.refused] ?? "refused");
    return answer;
  }
  tell("granted", { sub: answer.sub, sid: answer.sid });
  return answer.grant;
}

const OUTCOMES: Partial<Record<Refusal["refused"], LoginOutcome>> = {
  invalid_credentials: "invalid_credentials",
  slow_down: "slow_down",
  temporarily_unavailable: "unavailable",
};

interface LoggedIn {
  readonly grant: TokenGrant;
  readonly sub: string;
  readonly sid: string;
}

/**
 * The subject's document is read before the account is checked and swapped against that value: a password change
 * writes the account first and the document after, so a login of the old password loses its swap.
 */
async function check(parts: LoginParts, request: LogInRequest, granted: readonly GrantedResource[]): Promise<LoggedIn | Refusal> {
  const { context, accounts } = parts;
  const { username, address } = request;
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
      const slow = await tooMany(parts, username, address);
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
    const result = await parts.subjects.inTurn(subjectKey, () => begin(parts, request, account, granted, loaded));
    if (result !== undefined) {
      if (!isRefusal(result)) parts.throttle.succeeded(username, address);
      return result;
    }
    if (context.clock() >= deadline) throw new UnavailableError("too many changes of one subject at once");
  }
}

async function tooMany({ throttle }: LoginParts, username: string, address: string): Promise<Refusal | undefined> {
  const millis = await throttle.delay(username, address);
  return millis === 0 ? undefined : refusal("slow_down", "too many failed logins", Math.ceil(millis / 1_000));
}

/** The same work and the same answer for an unknown user, a wrong password and a disabled account. */
async function verified(parts: LoginParts, request: LogInRequest, account: Account | undefined): Promise<true | Refusal> {
  const { context, throttle } = parts;
  try {
    const isRight = await context.passwords.verify(account?.passwordHash, request.password);
    if (isRight && account !== undefined && !account.disabled) return true;
  } catch (error) {
    if (!(error instanceof QueueFullError)) throw error;
    return refusal("temporarily_unavailable", "too many logins at once", 5);
  }
  throttle.failed(request.username, request.address);
  return INVALID;
}

/** Starts the session; undefined where the swap was lost. */
async function begin(
  parts: LoginParts,
  request: LogInRequest,
  account: Account,
  granted: readonly GrantedResource[],
  loaded: Loaded,
): Promise<LoggedIn | Refusal | undefined> {
  const { context, keyRing, tokens, ends, subjects } = parts;
  const { client } = request;
  const document = subjects.pruned(loaded.document ?? emptySubject(account.sub));
  const subjectKey = subjectKeyOf(context.policy.issuer, account.sub, context.digests);
  const crowd = supernumerary(document, client.id, context.policy.maxSessionsPerSubjectAndClient).map(({ sid }) => sid);
  if (crowd.length > 0) {
    // Room is made first; the login then goes on with what is left.
    await ends.endIn(loaded, document, subjectKey, crowd, ends.endOf(client.id, "too_many"));
    return undefined;
  }
  const handle = context.random(HANDLE_BYTES);
  const mac = keyRing.activeMac();
  const session = newSession(parts, request, account, granted, document, sidOf(handle, context.digests), mac.version);
  const access = selectAccess(context.policy, client, granted, undefined, undefined);
  if (isRefusal(access)) return access;
  const minted = await tokens.mint(client, access, account.sub, session);
  if (!(await subjects.swap(loaded, addSession(document, session), true))) return undefined;
  const refreshable = client.grants.includes("refresh_token")
    ? sessionMembers(parts, client, session, subjectKey, handle, mac)
    : { sid: session.sid };
  return { grant: { ...minted, ...refreshable }, sub: account.sub, sid: session.sid };
}

function newSession(
  { context, keyRing }: LoginParts,
  { client, userAgent }: LogInRequest,
  account: Account,
  resources: readonly GrantedResource[],
  document: SubjectDocument,
  sid: string,
  macVersion: number,
): Session {
  const createdAt = loginTime(document, client.id, keyRing.notBefore(), context.clock());
  return {
    sid,
    clientId: client.id,
    createdAt,
    absoluteEndAt: createdAt + client.absoluteLifetimeMillis,
    generation: 1,
    generationAt: createdAt,
    macVersion,
    oldestInWindow: 1,
    checkpoints: [],
    userAgent: userAgentLabel(userAgent),
    resources,
    ...(account.claims === undefined ? {} : { claims: JSON.stringify(account.claims) }),
  };
}
