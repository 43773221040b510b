/** The issuer: one flow per file, put together here. It sees the domain and its ports, and no adapter. */

import type { Policy } from "../domain/policy.ts";
import { AccessTokens } from "./access-tokens.ts";
import { assertSubject } from "./assert-subject.ts";
import { Assertions } from "./assertions.ts";
import { Accounts } from "./accounts.ts";
import { clientCredentials } from "./client-credentials.ts";
import { authenticateClient } from "./clients.ts";
import type { Context, Ports } from "./context.ts";
import { Ends } from "./ends.ts";
import { Follower } from "./follow.ts";
import { introspect } from "./introspect.ts";
import { JwksFetches } from "./jwks-fetches.ts";
import { KeyRing } from "./key-ring.ts";
import { logIn } from "./log-in.ts";
import { Marker } from "./marker.ts";
import { createOperatorOf } from "./operator.ts";
import type { AssertionParts, LoginParts } from "./parts.ts";
import { Reach, watched } from "./reach.ts";
import { RecentEnds } from "./recent-ends.ts";
import { ReadinessProbe } from "./readiness.ts";
import { refresh } from "./refresh.ts";
import { revoke } from "./revoke.ts";
import { authorizeSessions, endOwnSession, endOwnSessions, listSessions, logOut, sessionOfAccessToken } from "./sessions.ts";
import { Subjects } from "./subjects.ts";
import { Throttle } from "./throttle.ts";
import { sessionOfRefreshToken } from "./token-sessions.ts";
import type { Issuer, Operator } from "./types.ts";

export type { Ports } from "./context.ts";
export * from "./types.ts";

export interface Served {
  readonly issuer: Issuer;
  /** Whether anybody could log in. */
  hasAccounts(): Promise<boolean>;
}

export function createIssuer(policy: Policy, ports: Ports): Served {
  const parts = partsOf(policy, ports, "server");
  const follower = new Follower(parts);
  const probe = new ReadinessProbe(parts);
  return {
    issuer: {
      policy,
      authenticateClient: (credentials) => authenticateClient(parts, credentials),
      logIn: (request) => logIn(parts, request),
      assertSubject: (request) => assertSubject(parts, request),
      refresh: (request) => refresh(parts, request),
      clientCredentials: (request) => clientCredentials(parts, request),
      revoke: (request) => revoke(parts, request),
      introspect: (request) => introspect(parts, request),
      sessionOfAccessToken: (token) => sessionOfAccessToken(parts, token),
      sessionOfRefreshToken: (client, token) => sessionOfRefreshToken(parts, client, token),
      logOut: (session) => logOut(parts, session),
      authorizeSessions: (token) => authorizeSessions(parts, token),
      listSessions: (owner) => listSessions(parts, owner.sub),
      endSession: (owner, sid) => endOwnSession(parts, owner, sid),
      endSessions: (owner, except) => endOwnSessions(parts, owner, except),
      jwks: () => parts.keyRing.jwks(),
      noteFetch: (fetch) => parts.fetches.note(fetch),
      readiness: () => probe.check(),
      start: () => follower.start(),
      stop: async () => {
        await follower.stop();
        await parts.throttle.idle();
      },
    },
    hasAccounts: () => parts.accounts.isAny(),
  };
}

/** The operator's side of the same store and keys; follows nothing. Throws `StoreError`, `KeyError`. */
export async function createOperator(policy: Policy, ports: Ports): Promise<Operator> {
  const parts = partsOf(policy, ports, "command");
  await parts.keyRing.loadCopy();
  await parts.keyRing.reload();
  return createOperatorOf(parts);
}

function partsOf(policy: Policy, ports: Ports, role: "server" | "command"): LoginParts & AssertionParts {
  const reach = new Reach(ports.clock);
  const context: Context = { ...ports, policy, store: watched(ports.store, reach, ports.meter) };
  const keyRing = new KeyRing(context, reach, role);
  const recentEnds = new RecentEnds();
  const subjects = new Subjects(context, recentEnds);
  const marker = new Marker(context);
  return {
    context,
    keyRing,
    subjects,
    reach,
    tokens: new AccessTokens(context, keyRing),
    ends: new Ends(context, subjects, marker, recentEnds),
    marker,
    fetches: new JwksFetches(context),
    assertions: new Assertions(context, marker),
    accounts: new Accounts(context),
    throttle: new Throttle(context),
  };
}
