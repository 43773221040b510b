/** I7: a token verifies until it expires, against every JWK Set that a verifier may hold meanwhile. */

import type { Check } from "./finding.ts";
import { accessTokensOf, revokedKeys } from "./keys.ts";

export const verifiable: Check = (history) => {
  const { clockSkewMillis, clockErrorMillis } = history.run.rules;
  const { tokens, fetchesWithout, maxAgeMillis: longest } = accessTokensOf(history);
  const revoked = revokedKeys(history);
  return tokens.flatMap((token) => {
    const until = Math.min(token.expiresAt + clockSkewMillis - clockErrorMillis, revoked.get(token.kid)?.at ?? Infinity);
    const possible = fetchesWithout(token.kid, token.seenAt - longest, until);
    const lacking = possible.find(({ at, maxAgeMillis }) => at + maxAgeMillis >= token.seenAt);
    if (lacking === undefined) return [];
    return [{ what: `a JWK Set without key ${token.kid} was good while a token of that key was`, lines: [token.number, lacking.number] }];
  });
};
