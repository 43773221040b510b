/** I6: no key signs that was not in the JWK Set for as long as verifiers may keep an older one. */

import type { Check } from "./finding.ts";
import { accessTokensOf } from "./keys.ts";

/** `iat` is a whole second. */
const SPARE_MILLIS = 1_000;

export const publishedBeforeSigning: Check = (history) => {
  const { stageForMillis, clockErrorMillis } = history.run.rules;
  const { tokens, firstKids, fetchesWithout } = accessTokensOf(history);
  return tokens.flatMap((token) => {
    // The keys of a first start have no past.
    if (firstKids.has(token.kid)) return [];
    const [from, to] = [token.issuedAt - stageForMillis + SPARE_MILLIS + clockErrorMillis, token.issuedAt - clockErrorMillis];
    const lacking = fetchesWithout(token.kid).find(({ at }) => at >= from && at <= to);
    if (lacking === undefined) return [];
    return [{ what: `key ${token.kid} signed and was not in the JWK Set shortly before`, lines: [lacking.number, token.number] }];
  });
};
