/** Access tokens and the JWK Sets that were served around them. */

import type { History, JwksFetch } from "../history/read.ts";

export interface IssuedToken {
  readonly number: number;
  readonly kid: string;
  /** Milliseconds since the history began, by the claim. */
  readonly expiresAt: number;
  /** When it was made, at the earliest and at the latest: `iat` is a whole second, and its request was under way. */
  readonly madeFrom: number;
  readonly madeTo: number;
  /** When it was first seen. */
  readonly seenAt: number;
}

export interface AccessTokens {
  readonly tokens: readonly IssuedToken[];
  /** What was in the first JWK Set that was seen. */
  readonly firstKids: ReadonlySet<string>;
  /** Asked for from the one until before the other, in order of time. */
  fetchesWithout(kid: string, from: number, to: number): readonly JwksFetch[];
  /** The longest that a verifier was ever allowed to keep a JWK Set. */
  readonly maxAgeMillis: number;
}

const SECOND_MILLIS = 1_000;

export function accessTokensOf({ run, operations, jwks }: History): AccessTokens {
  const { clockErrorMillis } = run.rules;
  const tokens = operations.flatMap(({ number, kid, iat, exp, invokedAt, doneAt, op }): readonly IssuedToken[] => {
    if (kid === undefined || iat === undefined || exp === undefined || op === "verify" || op === "introspect") return [];
    const issuedAt = iat * SECOND_MILLIS - run.wallClock;
    return [
      {
        number,
        kid,
        madeFrom: Math.max(issuedAt - clockErrorMillis, invokedAt),
        madeTo: Math.min(issuedAt + SECOND_MILLIS + clockErrorMillis, doneAt),
        expiresAt: exp * SECOND_MILLIS - run.wallClock,
        seenAt: doneAt,
      },
    ];
  });
  const lacking = new Map<string, readonly JwksFetch[]>();
  return {
    tokens,
    firstKids: new Set(jwks[0]?.kids),
    fetchesWithout(kid, from, to) {
      const known = lacking.get(kid) ?? jwks.filter(({ kids }) => !kids.includes(kid));
      lacking.set(kid, known);
      return known.slice(firstFrom(known, from), firstFrom(known, to));
    },
    maxAgeMillis: jwks.reduce((longest, fetch) => Math.max(longest, fetch.maxAgeMillis), 0),
  };
}

/** The place of the first of a sorted list at or after a time. */
function firstFrom(sorted: readonly { readonly at: number }[], time: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.at ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** When keys were revoked, by kid. */
export function revokedKeys({ facts }: History): ReadonlyMap<string, { readonly at: number; readonly staleMillis: number }> {
  return new Map(facts.flatMap((fact) => (fact.fact === "key_revoked" ? [[fact.kid, fact] as const] : [])));
}
