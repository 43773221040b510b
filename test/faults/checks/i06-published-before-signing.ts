/** I6: no key signs that was not in the JWK Set for as long as verifiers may keep an older one. */

import type { Check } from "./finding.ts";
import { accessTokensOf } from "./keys.ts";

export const publishedBeforeSigning: Check = (history) => {
  const { stageForMillis } = history.run.rules;
  const { tokens, firstKids, fetchesWithout } = accessTokensOf(history);
  return tokens.flatMap((token) => {
    // The keys of a first start have no past.
    if (firstKids.has(token.kid)) return [];
    const [lacking] = fetchesWithout(token.kid, token.madeTo - stageForMillis, token.madeFrom);
    if (lacking === undefined) return [];
    return [{ what: `key ${token.kid} signed and was not in the JWK Set shortly before`, lines: [lacking.number, token.number] }];
  });
};
