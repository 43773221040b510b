/** Access tokens and the JWK Sets that were served around them. */

import type { History, JwksFetch } from "../history/read.ts";

export interface IssuedToken {
  readonly number: number;
  readonly kid: string;
  /** Milliseconds since the history began, by the claim. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When it was first seen. */
  readonly seenAt: number;
}

export interface AccessTokens {
  readonly tokens: readonly IssuedToken[];
  /** What was in the first JWK Set that was seen. */
  readonly firstKids: ReadonlySet<string>;
  /** In order of time. */
  fetchesWithout(kid: string): readonly JwksFetch[];
}

export function accessTokensOf({ run, operations, jwks }: History): AccessTokens {
  const tokens = operations.flatMap(({ number, kid, iat, exp, doneAt, op }) =>
    kid === undefined || iat === undefined || exp === undefined || op === "verify" || op === "introspect"
      ? []
      : [{ number, kid, issuedAt: iat * 1_000 - run.wallClock, expiresAt: exp * 1_000 - run.wallClock, seenAt: doneAt }],
  );
  const lacking = new Map<string, readonly JwksFetch[]>();
  return {
    tokens,
    firstKids: new Set(jwks[0]?.kids),
    fetchesWithout(kid) {
      const known = lacking.get(kid) ?? jwks.filter(({ kids }) => !kids.includes(kid));
      lacking.set(kid, known);
      return known;
    },
  };
}

/** When keys were revoked, by kid. */
export function revokedKeys({ facts }: History): ReadonlyMap<string, { readonly at: number; readonly staleMillis: number }> {
  return new Map(facts.flatMap((fact) => (fact.fact === "key_revoked" ? [[fact.kid, fact] as const] : [])));
}
